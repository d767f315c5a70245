/** Links where stock clients look: with real sockets, below a folder of the test's own. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../bin/errors.ts';
import { placeLinks, places } from '../../bin/serve/links.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';

describe('links for clients of systemd’s daemons', () => {
  let root: string;
  let socket: string;
  const open: Descriptor[] = [];
  const [first, second, third] = places;
  const at = (place: string) => root + place;

  /** Somebody who listens at a path. */
  function listenAt(path: string): Descriptor {
    mkdirSync(dirname(path), { recursive: true });
    const listener = new Descriptor(native.listen(path, 0o666, 16));
    open.push(listener);
    return listener;
  }
  /** A socket that nobody listens on any more. */
  function abandonedAt(path: string): void {
    mkdirSync(dirname(path), { recursive: true });
    new Descriptor(native.listen(path, 0o666, 16)).close();
  }
  const isHeard = (path: string) => {
    try {
      new Descriptor(native.connect(path)).close();
      return true;
    } catch {
      return false;
    }
  };
  const links = () =>
    places.filter((place) => existsSync(at(place)) && lstatSync(at(place)).isSymbolicLink() && readlinkSync(at(place)) === socket);
  const leftovers = () =>
    readdirSync(root, { recursive: true, withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [] : [entry.name]));
  const failure = (act: () => unknown) => {
    try {
      act();
    } catch (thrown) {
      if (thrown instanceof Failure) return thrown.complaint;
      throw thrown;
    }
    throw new Error('it did not fail');
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'links-'));
    socket = join(root, 'p.sock');
    listenAt(socket);
  });
  afterEach(() => {
    for (const each of open.splice(0)) each.close();
    rmSync(root, { recursive: true, force: true });
  });

  it('leads from every place to the socket, and is gone when removed', () => {
    const placed = placeLinks(socket, { root });
    expect(links()).toEqual(places);
    expect(places.filter((place) => !isHeard(at(place)))).toEqual([]);
    placed.remove();
    placed.remove();
    expect(leftovers()).toEqual(['p.sock']);
  });

  it('takes over the links of a life that was killed', () => {
    placeLinks(socket, { root });
    unlinkSync(at(second));
    placeLinks(socket, { root }).remove();
    expect(leftovers()).toEqual(['p.sock']);
  });

  it('replaces a socket on which nobody listens', () => {
    abandonedAt(at(first));
    const placed = placeLinks(socket, { root });
    expect(links()).toEqual(places);
    placed.remove();
    expect(leftovers()).toEqual(['p.sock']);
  });

  it('replaces a link that leads nowhere, in a circle, or to a dead socket', () => {
    for (const place of [first, second, third]) mkdirSync(dirname(at(place)), { recursive: true });
    abandonedAt(join(root, 'dead'));
    symlinkSync(join(root, 'dead'), at(first));
    symlinkSync('/nonexistent/socket', at(second));
    symlinkSync(at(third), at(third));
    placeLinks(socket, { root });
    expect(links()).toEqual(places);
  });

  it.each(places)('changes nothing where somebody listens at %s', (place) => {
    listenAt(at(place));
    const { what, why, next } = failure(() => placeLinks(socket, { root }));
    expect(what).toBe(`${at(place)} is taken`);
    expect(why).toContain('somebody listens there');
    expect(next).toContain('--force');
    expect(isHeard(at(place))).toBe(true);
    expect(links()).toEqual([]);
  });

  it('sees a listener behind a link, as userdb has it, and one that is too busy to take another caller', () => {
    listenAt(join(root, 'elsewhere'));
    mkdirSync(dirname(at(third)), { recursive: true });
    symlinkSync(join(root, 'elsewhere'), at(third));
    expect(failure(() => placeLinks(socket, { root })).what).toContain(third);
    unlinkSync(at(third));

    mkdirSync(dirname(at(first)), { recursive: true });
    open.push(new Descriptor(native.listen(at(first), 0o666, 0)));
    open.push(new Descriptor(native.connect(at(first))));
    expect(failure(() => placeLinks(socket, { root })).what).toContain(first);
  });

  it('with force, moves listeners aside where nobody lists them, and puts them back', () => {
    listenAt(at(first));
    mkdirSync(dirname(at(third)), { recursive: true });
    symlinkSync(at(first), at(third));
    const { ino } = lstatSync(at(first));
    const placed = placeLinks(socket, { root, force: true });
    expect(links()).toEqual(places);
    expect(readdirSync(dirname(at(third))).filter((name) => !name.startsWith('.'))).toEqual(['io.systemd.NamespaceResource']);
    placed.remove();
    expect(lstatSync(at(first)).ino).toBe(ino);
    expect(readlinkSync(at(third))).toBe(at(first));
    expect(isHeard(at(third))).toBe(true);
    expect(leftovers().sort()).toEqual(['io.systemd.NamespaceResource', 'io.systemd.NamespaceResource', 'p.sock']);
  });

  it('puts back what an earlier, killed life had moved aside', () => {
    listenAt(at(first));
    const { ino } = lstatSync(at(first));
    placeLinks(socket, { root, force: true });
    placeLinks(socket, { root }).remove();
    expect(lstatSync(at(first)).ino).toBe(ino);
  });

  it('leaves what somebody else has put in a link’s place, with what waits aside', () => {
    listenAt(at(first));
    const placed = placeLinks(socket, { root, force: true });
    unlinkSync(at(first));
    listenAt(at(first));
    unlinkSync(at(second));
    symlinkSync('/elsewhere', at(second));
    const { ino } = lstatSync(at(first));
    placed.remove();
    expect(lstatSync(at(first)).ino).toBe(ino);
    expect(readlinkSync(at(second))).toBe('/elsewhere');
    expect(links()).toEqual([]);
  });

  it.each([false, true])('never touches what is neither socket nor link (force: %s)', (force) => {
    mkdirSync(dirname(at(second)), { recursive: true });
    writeFileSync(at(second), 'precious');
    expect(failure(() => placeLinks(socket, { root, force })).why).toContain('neither a socket nor a link');
    expect(lstatSync(at(second)).isFile()).toBe(true);
    expect(links()).toEqual([]);
  });

  it('takes back all links where one can’t be made', () => {
    mkdirSync(at('/run'), { recursive: true });
    writeFileSync(at('/run/varlink'), 'in the way of the registry');
    chmodSync(at('/run/varlink'), 0o600);
    const { what, why } = failure(() => placeLinks(socket, { root }));
    expect(what).toContain('can’t be made');
    expect(why).toMatch(/ENOTDIR|EEXIST/);
    expect(links()).toEqual([]);
  });
});
