/** Wrong input at the keyboard: every message says what to do next, every status means what docs/command-line.md says. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '../../bin/exit-codes.ts';
import { CommandLine } from '../support/cli.ts';
import { isRoot, root } from '../support/serve.ts';

const reason = isRoot ? '' : 'needs root to become another user';

describe.skipIf(reason !== '')(`wrong input${reason === '' ? '' : ` (${reason})`}`, () => {
  let postern: CommandLine;
  beforeAll(() => {
    postern = new CommandLine();
    writeFileSync(join(postern.folder, 'secret.raw'), 'x', { mode: 0o600 });
    writeFileSync(join(postern.folder, 'plain.raw'), 'x', { mode: 0o644 });
    mkdirSync(join(postern.folder, 'folder'));
  });
  afterAll(() => postern?.[Symbol.dispose]());

  it.each<[string, string[], string]>([
    ['no such command', ['frobnicate'], 'unknown command'],
    ['a command almost right', ['staus'], 'Did you mean status?'],
    ['an option nobody knows', ['run', '--frob'], "unknown option '--frob'"],
    ['an option without its value', ['run', '--image'], 'argument missing'],
    ['run without an image', ['run', '--', 'true'], 'no image to run it in'],
    ['run without a command', ['run', '--image', 'x.raw'], 'no command to run in it'],
    ['a first image that goes elsewhere', ['run', '--image', 'x.raw:/srv', '--', 'true'], 'the first image is the root'],
    ['a second image that goes nowhere', ['run', '--image', 'x.raw', '--image', 'y.raw', '--', 'true'], 'where does it go?'],
    ['a relative place', ['run', '--image', 'x.raw', '--image', 'y.raw:srv', '--', 'true'], 'where does it go?'],
    ['a place that is taken', ['run', '--image', 'x.raw', '--image', 'y.raw:/proc/', '--', 'true'], '/proc is taken'],
    ['the root twice', ['run', '--image', 'x.raw', '--image', 'y.raw:/', '--', 'true'], '/ is taken'],
    ['one place twice', ['run', '-i', 'x.raw', '-i', 'y.raw:/srv', '-i', 'z.raw:/a/../srv/', '--', 'true'], "can't both go to /srv"],
    ['a variable without a name', ['run', '-i', 'x.raw', '--env', '=v', '--', 'true'], 'a variable needs a name'],
    ['a variable that is not there', ['run', '-i', 'x.raw', '--env', 'NOPE', '--', 'true'], 'you have no such variable'],
    ['a user outside of the range', ['run', '-i', 'x.raw', '--user', '65536', '--', 'true'], 'not an ID of the range'],
    ['a user by name', ['run', '-i', 'x.raw', '--user', 'alice', '--', 'true'], 'not an ID of the range'],
    ['a host name with a blank', ['run', '-i', 'x.raw', '--hostname', 'a b', '--', 'true'], 'not a host name'],
    ['allocate without a command', ['allocate'], 'no command to run'],
    ['no ranges to delegate', ['allocate', '--delegate', '0', '--', 'true'], 'not a number of ranges'],
    ['too many ranges to delegate', ['allocate', '--delegate', '17', '--', 'true'], 'not a number of ranges'],
    ['inspect without a file', ['inspect'], 'missing required argument'],
    ['build without a key', ['build', 'a', 'b'], "required option '--key <file>' not specified"],
    ['build in an unknown format', ['build', 'a', 'b', '--key', 'k', '--cert', 'c', '--format', 'vfat'], 'Allowed choices are'],
    ['more than a command takes', ['status', 'now'], 'too many arguments'],
  ])('%s is wrong usage', async (_, args, message) => {
    const { status, stdout, stderr } = await postern.run(...args);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^postern: /);
    expect(stdout).toBe('');
    expect(status).toBe(exitCodes.usage);
  });

  it.each<[string, (folder: string) => string, string]>([
    ['missing', (folder) => `${folder}/nope.raw`, 'there is no such file'],
    ['unreadable', (folder) => `${folder}/secret.raw`, 'you may not read it'],
    ['a folder', (folder) => `${folder}/folder`, 'it is a folder'],
    ['a device', () => '/dev/null', 'it is neither a file nor a block device'],
  ])('an image that is %s is no input', async (_, file, message) => {
    const { status, stderr } = await postern.run('run', '--image', file(postern.folder), '--', 'true');
    expect(stderr).toContain(message);
    expect(status).toBe(exitCodes.noInput);
  });

  it.each<[string, string[]]>([
    ['run', ['run', '--image', '/plain.raw', '--', 'true']],
    ['allocate', ['allocate', '--', 'true']],
    ['status', ['status']],
  ])('%s tells that no gateway answers, and how to start one', async (_, args) => {
    const { status, stderr } = await postern.run(...args.map((word) => (word === '/plain.raw' ? join(postern.folder, 'plain.raw') : word)));
    expect(stderr).toContain('the gateway does not answer at /nonexistent/postern.sock');
    expect(stderr).toContain('next  sudo postern serve');
    expect(status).toBe(exitCodes.unavailable);
  });

  it('--socket goes before POSTERN_SOCKET', async () => {
    const { stderr } = await postern.run('status', '--socket', '/elsewhere.sock');
    expect(stderr).toContain('/elsewhere.sock');
  });

  it('--json makes errors documents too', async () => {
    const { stderr, stdout } = await postern.run('status', '--json');
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toMatchObject({ error: { what: expect.any(String), why: expect.any(String), next: expect.any(String) } });
  });

  it.each([[], ['run'], ['allocate'], ['build'], ['inspect'], ['serve'], ['status'], ['doctor']])(
    '%s --help teaches, and is no failure',
    async (...command) => {
      const { status, stdout, stderr } = await postern.run(...command, '--help');
      expect(stdout).toMatch(/^Usage: postern/);
      if (command[0] !== 'doctor') expect(stdout).toContain('Examples:');
      expect(stderr).toBe('');
      expect(status).toBe(0);
    },
  );

  it('says its version', async () => {
    expect(await postern.run('--version')).toEqual({ status: 0, stdout: '0.1.0\n', stderr: '' });
  });

  it('doctor tells the same to programs, as an ordinary user too', async () => {
    const { status, stdout } = await postern.run('doctor', '--json');
    const told: unknown = JSON.parse(stdout);
    expect(told).toMatchObject({ root: false, fit: true, features: expect.any(Array), routes: expect.any(Array) });
    expect(stdout).toContain('"needsRoot"');
    expect(status).toBe(0);
  });

  it('doctor tries more as root', async () => {
    const { stdout } = await postern.runAsRoot('doctor');
    expect(stdout).toContain('tried as root');
    expect(stdout).not.toContain('only root can try this');
  });

  it('every status that is used is in the documentation', () => {
    const page = readFileSync(join(root, 'docs/command-line.md'), 'utf8');
    for (const code of Object.values(exitCodes)) expect(page).toMatch(new RegExp(`^\\| (?:\\d+ )*${code} `, 'm'));
  });
});
