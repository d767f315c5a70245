/** A request follows its baton, and fails with exactly the life of the stage that it was last handed to. */
import { describe, expect, it } from 'vitest';
import { Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { fakeMesh } from '../support/mesh.ts';

const namespace = 'id:7';
const userNamespace = () => new Descriptor(native.ownUserNamespace());

describe('a hand-off', () => {
  it('is announced to the gateway before the baton arrives', () => {
    const fake = fakeMesh('allocator');
    fake.serve({ handlers: {} });
    fake.mesh.pass('lsm', 'range.restrict', { request: 5, namespace, denySetgroups: false }, [userNamespace()]);
    expect(fake.sent().map(({ to, name }) => `${to}: ${name}`)).toEqual(['gateway: request.handoff', 'lsm: range.restrict']);
    fake.close();
  });

  it('waits with its announcement while the stage is down, and names the life that really gets it', () => {
    const fake = fakeMesh('allocator');
    fake.serve({ handlers: {} });
    fake.peerDown('lsm');
    fake.mesh.pass('lsm', 'range.restrict', { request: 5, namespace, denySetgroups: false }, [userNamespace()]);
    expect(fake.sent()).toEqual([]);
    const generation = fake.peerUp('lsm');
    expect(fake.take('request.handoff').payload).toEqual({ request: 5, to: 'lsm', generation });
    expect(fake.take('range.restrict').descriptors).toHaveLength(1);
    fake.close();
  });
});
