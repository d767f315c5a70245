/** Who may. */
import { parse } from 'valibot';
import { expect, it } from 'vitest';
import { authorise, mayKnowReports, obey } from '../../services/gateway/authorise.ts';
import { configSchema, type Rule } from '../../services/gateway/config.ts';

const peer = (uid: number) => ({ uid, gid: uid, pid: 1 });
const mount = 'io.systemd.MountFileSystem.MountImage';

it('everyone may have a range, and a mount for a namespace', () => {
  expect(() => authorise({ method: 'io.systemd.NamespaceResource.AllocateUserRange', peer: peer(1000) })).not.toThrow();
  expect(() => authorise({ method: mount, peer: peer(1000), forHost: false })).not.toThrow();
});

it('reports are root’s, unless the operator says otherwise', () => {
  expect([peer(0), peer(1000)].map((caller) => mayKnowReports(caller, 'root'))).toEqual([true, false]);
  expect(mayKnowReports(peer(1000), 'everyone')).toBe(true);
});

it('what only the host’s daemons have a use for is root’s', () => {
  const method = 'io.systemd.NamespaceResource.AddMountToUserNamespace';
  expect(() => authorise({ method, peer: peer(0), hostsOwn: true })).not.toThrow();
  expect(() => authorise({ method, peer: peer(1000), hostsOwn: true })).toThrow(expect.objectContaining({ code: 'PERMISSION_DENIED' }));
});

it('a mount for the host is root’s', () => {
  expect(() => authorise({ method: mount, peer: peer(0), forHost: true })).not.toThrow();
  expect(() => authorise({ method: mount, peer: peer(1000), forHost: true })).toThrow(
    expect.objectContaining({ code: 'PERMISSION_DENIED' }),
  );
});

it.each<[string, Rule, readonly (readonly [uid: number, gid: number, may: boolean])[]]>([
  [
    'any',
    'any',
    [
      [0, 0, true],
      [1000, 1000, true],
    ],
  ],
  [
    'root',
    'root',
    [
      [0, 0, true],
      [1000, 0, false],
    ],
  ],
  [
    'a user',
    { uids: [1000], gids: [] },
    [
      [0, 0, true],
      [1000, 5, true],
      [1001, 1000, false],
    ],
  ],
  [
    'a group',
    { uids: [], gids: [100] },
    [
      [0, 0, true],
      [1000, 100, true],
      [100, 1000, false],
    ],
  ],
  [
    'nobody but root',
    { uids: [], gids: [] },
    [
      [0, 0, true],
      [1000, 1000, false],
    ],
  ],
])('a rule for %s lets in whom it names, and root', (_, rule, callers) => {
  const may = ([uid, gid]: readonly [number, number, boolean]) => {
    try {
      obey(rule, { uid, gid, pid: 1 });
      return true;
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'PERMISSION_DENIED' });
      return false;
    }
  };
  expect(callers.map(may)).toEqual(callers.map(([, , expected]) => expected));
});

it.each([
  { who: { 'io.systemd.MountFileSystem.MountImmage': 'any' } },
  { who: { [mount]: 'everyone' } },
  { who: { [mount]: { uids: [-1] } } },
  { who: { [mount]: { users: [1000] } } },
])('a rule that can not be meant ends the start: %j', (config) => {
  expect(() => parse(configSchema, config)).toThrow();
});
