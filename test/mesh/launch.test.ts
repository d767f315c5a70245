/** The launcher's command line says what privileges.ts says, and nothing else. */
import { mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { launchCommand, prepareView } from '../../mesh/launch.ts';
import type { Privileges } from '../../mesh/privileges.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-launch-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const privileges = (more: Partial<Privileges>): Privileges => ({
  service: 'verity',
  user: 'verity',
  capabilities: [],
  view: [],
  systemCalls: [],
  why: 'a test',
  ...more,
});
const argsOf = (more: Partial<Privileges>) =>
  launchCommand(privileges(more), { dist: folder, folders: { STATE: join(folder, 'state') } }).args;
const after = (args: readonly string[], option: string) => args.flatMap((arg, i) => (args[i - 1] === option ? [arg] : []));

it('without privileges: an own user, no capability, no network, no IPC, nothing to see but programs', () => {
  const args = argsOf({});
  expect(after(args, '--uid')).toEqual(['65521']);
  expect(after(args, '--gid')).toEqual(['65521']);
  expect(args).toEqual(expect.arrayContaining(['--no-network', '--no-ipc', '--system']));
  expect(args).not.toContain('--caps');
  expect(args).not.toContain('--proc');
  expect(after(args, '--bind').map((bind) => bind.split(':')[1])).toEqual(['/postern', '/node']);
  expect(args.slice(args.indexOf('--'))).toEqual(['--', '/node', '/postern/verity.mjs']);
});

it('capabilities are kept by name', () => {
  const args = argsOf({
    user: 'root',
    capabilities: [
      { capability: 'SYS_ADMIN', why: 'a test' },
      { capability: 'SETUID', why: 'a test' },
    ],
  });
  expect(after(args, '--caps')).toEqual(['cap_sys_admin,cap_setuid']);
});

it('each part of the view is bound as it may be used', () => {
  const args = argsOf({
    view: [
      { source: '/proc', access: 'proc', why: 'a test' },
      { source: '/dev', access: 'devices', why: 'a test' },
      { source: '$STATE/store', target: '/store', access: 'read-write', why: 'a test' },
      { source: '/etc/absent', access: 'read-only', optional: true, why: 'a test' },
    ],
  });
  expect(args).toContain('--proc');
  expect(after(args, '--dev-bind')).toEqual(['/dev:/dev']);
  expect(after(args, '--bind-rw')).toEqual([`${folder}/state/store:/store`]);
  expect(args.join(' ')).not.toContain('absent');
});

it('a folder that nobody settled is an error', () => {
  expect(() => argsOf({ view: [{ source: '$NOWHERE/x', access: 'read-only', why: 'a test' }] })).toThrow('$NOWHERE');
});

it.skipIf(process.getuid?.() !== 0)('a folder to be made is made for the service’s user alone', () => {
  const store = privileges({ view: [{ source: '$STATE/store', access: 'read-write', create: true, why: 'a test' }] });
  prepareView(store, { STATE: join(folder, 'state') });
  const { uid, gid, mode } = statSync(join(folder, 'state/store'));
  expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: 65521, gid: 65521, mode: 0o700 });
});

it('a link in the place of such a folder is refused', () => {
  symlinkSync('/etc', join(folder, 'store'));
  const store = privileges({ view: [{ source: '$STATE/store', access: 'read-write', create: true, why: 'a test' }] });
  expect(() => prepareView(store, { STATE: folder })).toThrow('not a folder');
});
