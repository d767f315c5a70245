/** Who may. */
import { expect, it } from 'vitest';
import { authorise, mayKnowReports } from '../../services/gateway/authorise.ts';

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
