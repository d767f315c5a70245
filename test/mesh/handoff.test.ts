/** A request follows its baton, and fails with exactly the life of the stage that it was last handed to. */
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../mesh/clock.ts';
import { closeAll, Descriptor, ownedDescriptors } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import { maxPending } from '../../mesh/link.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import { Trail } from '../../mesh/trail.ts';
import { native } from '../../native/index.ts';
import { fakeMesh, meshOf, type Part } from '../support/mesh.ts';
import { PartGateway } from './parts/gateway.ts';
import { parts } from './parts/parts.ts';

const quiet = { failsToStart: false, speaksOutOfTurn: false, triesForbidden: false };
const userNamespace = () => new Descriptor(native.ownUserNamespace());
const restrict = (mesh: Mesh<'allocator'>, request: number) =>
  mesh.pass('lsm', 'range.restrict', { request, namespace: 'id:7', transient: true, denySetgroups: false }, [userNamespace()]);

describe('a hand-off', () => {
  it('is announced to the gateway before the baton arrives', () => {
    const fake = fakeMesh('allocator');
    fake.serve({ handlers: {} });
    restrict(fake.mesh, 5);
    expect(fake.sent().map(({ to, name }) => `${to}: ${name}`)).toEqual(['gateway: request.handoff', 'lsm: range.restrict']);
    fake.close();
  });

  it('waits with its announcement while the stage is down, and names the life that really gets it', () => {
    const fake = fakeMesh('allocator');
    fake.serve({ handlers: {} });
    fake.peerDown('lsm');
    restrict(fake.mesh, 5);
    expect(fake.sent()).toEqual([]);
    const generation = fake.peerUp('lsm');
    expect(fake.take('request.handoff').payload).toEqual({ request: 5, to: 'lsm', generation });
    expect(fake.take('range.restrict').descriptors).toHaveLength(1);
    fake.close();
  });

  it('of a start that nobody is wired to yet waits too', () => {
    const fake = fakeMesh('allocator');
    restrict(fake.mesh, 5);
    expect(fake.sent()).toEqual([]);
    fake.serve({ handlers: {} });
    expect(fake.take('range.restrict').payload.request).toBe(5);
    fake.close();
  });

  it('beyond what may wait is refused, and closes what it carried', () => {
    const fake = fakeMesh('allocator');
    fake.serve({ handlers: {} });
    fake.peerDown('lsm');
    const before = ownedDescriptors();
    for (let request = 1; request <= maxPending; request++) restrict(fake.mesh, request);
    expect(() => restrict(fake.mesh, 999)).toThrow(new PosternError('SERVICE_UNAVAILABLE', 'lsm'));
    expect(ownedDescriptors()).toBe(before + maxPending);
    fake.close();
    expect(ownedDescriptors()).toBe(before);
  });

  it('keeps the order in which requests waited', () => {
    const fake = fakeMesh('allocator');
    fake.serve({ handlers: {} });
    fake.peerDown('lsm');
    for (let request = 1; request <= 20; request++) restrict(fake.mesh, request);
    fake.peerUp('lsm');
    expect(Array.from({ length: 20 }, () => fake.take('range.restrict').payload.request)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    fake.close();
  });
});

it('nothing waits for a gateway that is down: its next life knows none of these requests', () => {
  const fake = fakeMesh('allocator');
  fake.serve({ handlers: {} });
  fake.peerDown('gateway');
  fake.mesh.fail(5, new PosternError('INTERNAL'));
  fake.mesh.send('gateway', 'range.allocated', { request: 5, name: 'ns-1' });
  fake.peerUp('gateway');
  expect(fake.sent()).toEqual([]);
  fake.close();
});

it('a service hears of a life’s end after all that it sent, and of the next life after that', async () => {
  const fake = fakeMesh('allocator');
  const heard: string[] = [];
  fake.mesh.onPeerDown((peer) => void heard.push(`${peer} down`));
  fake.mesh.onPeerUp((peer) => void heard.push(`${peer} up`));
  fake.serve({ handlers: {} });
  heard.length = 0;
  fake.peerDown('lsm');
  fake.peerUp('lsm');
  expect(heard).toEqual(['lsm down', 'lsm up']);
  fake.close();
});

describe('a trail', () => {
  it('is followed whatever the order in which the stages’ announcements arrive', () => {
    const moves = [
      { from: 'gateway', to: { stage: 'allocator', generation: 1 } },
      { from: 'allocator', to: { stage: 'lsm', generation: 2 } },
      { from: 'lsm', to: { stage: 'allocator', generation: 1 } },
    ] as const;
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
      [2, 1, 0],
      [1, 0, 2],
    ]) {
      const trail = new Trail(9);
      for (const i of order) {
        const move = moves[i];
        if (move !== undefined) trail.moved(move.from, move.to);
      }
      expect(trail.at).toEqual({ stage: 'allocator', generation: 1 });
    }
  });

  it('stays where it is known to be while an announcement is missing', () => {
    const trail = new Trail(9);
    trail.moved('verity', { stage: 'mounter', generation: 4 });
    expect(trail.at).toEqual({ stage: 'gateway', generation: 9 });
  });
});

/** The gateway and the allocator, and an lsm that keeps what it gets until it is told to go on. */
async function house(over: 'memory' | 'sockets') {
  const held: (() => void)[] = [];
  const gates: PartGateway[] = [];
  const gateway: Part<'gateway'> = {
    name: 'gateway',
    start: (mesh) => {
      const gate = new PartGateway(mesh);
      gates.push(gate);
      return { handlers: gate.handlers };
    },
  };
  const allocator: Part<'allocator'> = { name: 'allocator', start: (mesh) => parts.allocator.start(mesh, quiet, systemClock) };
  const lsm: Part<'lsm'> = {
    name: 'lsm',
    start: (mesh) => ({
      handlers: {
        'range.restrict': ({ request, namespace }, descriptors) => {
          closeAll(descriptors);
          held.push(() => mesh.pass('allocator', 'range.restricted', { request, namespace, refusal: null }));
        },
      },
    }),
  };
  const mesh = await meshOf([gateway, allocator, lsm], over);
  const [gate] = gates;
  if (gate === undefined) throw new Error('no gateway');
  const close = () => {
    mesh.close();
    gate.close();
  };
  return { mesh, gate, held, close };
}

/** Lets everything that is under way arrive: each stage takes a turn, however slow the machine is. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 200; turns++) await new Promise((resolve) => setImmediate(resolve));
}

describe.each(['memory', 'sockets'] as const)('when a stage dies (over %s)', (over) => {
  it('exactly the requests that were there fail', async () => {
    const { mesh, gate, held, close } = await house(over);
    const there = [gate.allocate(), gate.allocate()];
    await settle();
    held.splice(0, 1)[0]?.();
    expect(await there[0]).toBe('done');
    mesh.kill('lsm');
    expect(await there[1]).toBe('SERVICE_DIED');
    const later = gate.allocate();
    await settle();
    expect(gate.open).toBe(1);
    held.length = 0;
    await mesh.restart('lsm');
    await settle();
    held.forEach((goOn) => void goOn());
    expect(await later).toBe('done');
    expect(mesh.exits).toEqual([]);
    close();
  });

  it('a request that had left it lives on', async () => {
    const { mesh, gate, close } = await house(over);
    mesh.kill('lsm');
    await settle();
    const waiting = Array.from({ length: 10 }, () => gate.allocate());
    await settle();
    mesh.kill('verity');
    expect(gate.open).toBe(10);
    mesh.kill('allocator');
    expect(await Promise.all(waiting)).toEqual(Array(10).fill('SERVICE_DIED'));
    close();
  });

  it('again and again under load, every request ends', async () => {
    const { mesh, gate, held, close } = await house(over);
    const outcomes: Promise<string>[] = [];
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 10; i++) outcomes.push(gate.allocate());
      await new Promise(setImmediate);
      held.splice(0).forEach((goOn) => void goOn());
      const victim = round % 2 === 0 ? 'lsm' : 'allocator';
      mesh.kill(victim);
      await mesh.restart(victim);
    }
    const drain = setInterval(() => held.splice(0).forEach((goOn) => void goOn()), 1);
    const counts = new Set(await Promise.all(outcomes));
    clearInterval(drain);
    expect([...counts].every((outcome) => outcome === 'done' || outcome === 'SERVICE_DIED')).toBe(true);
    expect(gate.open).toBe(0);
    close();
  });
});
