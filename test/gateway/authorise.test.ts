/** Who may. */
import { expect, it } from 'vitest';
import { authorise } from '../../services/gateway/authorise.ts';

const peer = (uid: number) => ({ uid, gid: uid, pid: 1 });
const mount = 'io.systemd.MountFileSystem.MountImage';

it('everyone may have a range, and a mount for a namespace', () => {
  expect(() => authorise({ method: 'io.systemd.NamespaceResource.AllocateUserRange', peer: peer(1000) })).not.toThrow();
  expect(() => authorise({ method: mount, peer: peer(1000), forHost: false })).not.toThrow();
});

it('a mount for the host is root’s', () => {
  expect(() => authorise({ method: mount, peer: peer(0), forHost: true })).not.toThrow();
  expect(() => authorise({ method: mount, peer: peer(1000), forHost: true })).toThrow(
    expect.objectContaining({ code: 'PERMISSION_DENIED' }),
  );
});
