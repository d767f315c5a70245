/** The configuration file: what is in it, and what is said about a wrong one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../bin/errors.ts';
import { lineOf, parseSettings, readSettings } from '../../bin/serve/settings.ts';
import { root } from '../support/serve.ts';

function complaint(text: string): unknown {
  try {
    parseSettings(text, 'postern.toml');
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.complaint;
    throw thrown;
  }
  return undefined;
}

describe('a configuration', () => {
  it('may be empty', () => {
    expect(parseSettings('', 'postern.toml')).toEqual(readSettings(undefined));
  });

  it('in packaging shows every key with its default', () => {
    const example = parseSettings(readFileSync(join(root, 'packaging/postern.toml'), 'utf8'), 'postern.toml');
    const defaults = readSettings(undefined);
    // settled elsewhere, or by the machine
    const { max_size: _size, max_image_size: _imageSize, ...store } = example.verity.store;
    const plain = { ...example, socket: undefined, state: undefined, verity: { ...example.verity, store } };
    expect({ ...plain, mounter: defaults.mounter }).toEqual({ ...defaults, socket: undefined, state: undefined });
    expect(Object.keys(example.mounter)).toEqual(Object.keys(defaults.mounter));
  });

  it.each([
    ['frob = 1', "postern.toml:1: frob can't be used", 'there is no such key'],
    ['[verity]\ntrust = 5', "postern.toml:2: verity.trust can't be used", 'Expected Array but received 5'],
    [
      '# a\n[verity.store]\n\nmax_size = "lots"',
      "postern.toml:4: verity.store.max_size can't be used",
      'a number of bytes, or with K, M, G or T',
    ],
    ['[mounter]\nworkers = 0', "postern.toml:2: mounter.workers can't be used", 'Expected >=1 but received 0'],
    ['[mounter]\n[allocator]\nfrob = "x"', "postern.toml:3: allocator.frob can't be used", 'there is no such key'],
    ['[mounter.frob]\nx = 1', "postern.toml:1: mounter.frob can't be used", 'there is no such key'],
    ['[allocator]\npools = [{ first = 5, last = 9 }]', "postern.toml:2: allocator.pools can't be used", 'begins above 65535'],
    ['[allocator]\nstate = "/x"', "postern.toml:2: allocator.state can't be used", 'settled by `postern serve` itself'],
    ['[verity.policies]\nuntrusted = "root=frob"', "postern.toml:2: verity.policies.untrusted can't be used", 'unknown flag "frob"'],
    ['socket = "relative"', "postern.toml:1: socket can't be used", 'not an absolute path'],
  ])('%j is refused by its line and key', (text, what, why) => {
    expect(complaint(text)).toMatchObject({ what, why: expect.stringContaining(why), exitCode: 78 });
  });

  it('that is not TOML is refused by its line', () => {
    expect(complaint('socket = "/a"\nstate = \n')).toMatchObject({ what: 'postern.toml:2: this is not TOML', exitCode: 78 });
  });

  it('that is not there is named', () => {
    expect(() => readSettings('/nonexistent.toml')).toThrow("/nonexistent.toml can't be read");
  });
});

it('finds no line for a key that is not set', () => {
  expect(lineOf('[a]\nb = 1\n', 'c.d')).toBeUndefined();
});
