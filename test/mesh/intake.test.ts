/** Whatever goes wrong with a message ends where it should: a bad one ends the process, a failed handler its request. */
import { expect, it } from 'vitest';
import { closeAll, Descriptor, ownedDescriptors } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import { encodeFrame } from '../../mesh/frame.ts';
import { Intake } from '../../mesh/intake.ts';
import { native } from '../../native/index.ts';
import { fakeMesh, recordingLog } from '../support/mesh.ts';

const userNamespace = () => new Descriptor(native.ownUserNamespace());
const restrict = { request: 5, namespace: 'id:7', transient: true, denySetgroups: false };

it('a bad message ends the process, with a line that says what was wrong, and nothing of it stays open', async () => {
  const { log, lines } = recordingLog('lsm');
  const exits: string[] = [];
  const handled: unknown[] = [];
  const intake = new Intake(
    { self: 'lsm', log, die: (reason) => exits.push(reason) },
    { 'range.restrict': (payload) => void handled.push(payload) },
  );
  const before = ownedDescriptors();
  await intake.receive('allocator', encodeFrame('range.restrict', restrict), [userNamespace(), userNamespace()]);
  await intake.receive('gateway', encodeFrame('range.restrict', restrict), [userNamespace()]);
  await intake.receive('allocator', Uint8Array.of(1, 2, 3), [userNamespace()]);
  expect(exits).toEqual(['badMessage', 'badMessage', 'badMessage']);
  expect(lines.map((line) => line.fault)).toEqual(['wrong number of descriptors', 'not its sender', 'not a frame']);
  expect(handled).toEqual([]);
  expect(ownedDescriptors()).toBe(before);
});

it('a message that was cut off ends the process', () => {
  const { log } = recordingLog('lsm');
  const exits: string[] = [];
  new Intake({ self: 'lsm', log, die: (reason) => exits.push(reason) }).cut('allocator');
  expect(exits).toEqual(['badMessage']);
});

it('an error that a stage throws ends its request, and closes what the handler had not', async () => {
  const fake = fakeMesh('lsm');
  const refuse = () => Promise.reject(new PosternError('NAMESPACE_GONE', 'meanwhile'));
  fake.serve({ handlers: { 'range.restrict': refuse } });
  await fake.deliver('allocator', 'range.restrict', restrict, [userNamespace()]);
  expect(fake.take('request.failed').payload).toEqual({ request: 5, code: 'NAMESPACE_GONE', detail: 'meanwhile', parameter: null });
  expect(fake.exits).toEqual([]);
  fake.close();
});

it('what a handler threw by mistake stays inside: the request fails with INTERNAL, the log has the rest', async () => {
  const fake = fakeMesh('lsm');
  fake.serve({
    handlers: {
      'range.restrict': () => {
        throw new TypeError('a secret');
      },
    },
  });
  await fake.deliver('allocator', 'range.restrict', restrict, [userNamespace()]);
  expect(fake.take('request.failed').payload).toMatchObject({ code: 'INTERNAL', detail: '' });
  expect(JSON.stringify(fake.lines)).toContain('a secret');
  fake.close();
});

it('an error without a request to end ends the process', async () => {
  const fake = fakeMesh('lsm');
  fake.serve({ handlers: { 'namespace.release': () => Promise.reject(new Error('no')) } });
  await fake.deliver('allocator', 'namespace.release', { namespace: 'id:7' });
  expect(fake.exits).toEqual(['bug']);
  fake.close();
});

it('an error in the gateway, which no one could be told, ends the process', async () => {
  const fake = fakeMesh('gateway');
  fake.serve({ handlers: { 'range.allocated': () => Promise.reject(new Error('no')) } });
  await fake.deliver('allocator', 'range.allocated', { request: 1, name: 'ns-1' });
  expect(fake.exits).toEqual(['bug']);
  fake.close();
});

it('a mistake in what we send fails here, closes what it carried, and never reaches the sibling', () => {
  const fake = fakeMesh('allocator');
  fake.serve({ handlers: {} });
  const before = ownedDescriptors();
  const send = (payload: typeof restrict, descriptors: Descriptor[]) => () => fake.mesh.send('lsm', 'range.restrict', payload, descriptors);
  expect(send({ ...restrict, request: -1 }, [userNamespace()])).toThrow(PosternError);
  expect(send(restrict, [])).toThrow(PosternError);
  expect(send(restrict, [new Descriptor(native.pidfdOpen(process.pid))])).toThrow(PosternError);
  expect(() => fake.mesh.send('mounter', 'range.restrict', restrict, [userNamespace()])).toThrow(PosternError);
  expect(fake.sent()).toEqual([]);
  expect(ownedDescriptors()).toBe(before);
  fake.close();
});

it('status.ask is answered for the service, in plain data', async () => {
  const fake = fakeMesh('mounter');
  fake.serve({ handlers: {}, status: () => ({ loops: 3, since: new Date(0), nothing: undefined }) });
  await fake.deliver('gateway', 'status.ask', { request: 9 });
  const { payload } = fake.take('status.tell');
  expect(payload).toMatchObject({ request: 9, report: { loops: 3, since: '1970-01-01T00:00:00.000Z', process: { generation: 1 } } });
  fake.close();
});

it('a descriptor that was delivered belongs to the handler', async () => {
  const fake = fakeMesh('lsm');
  const got: Descriptor[] = [];
  fake.serve({ handlers: { 'range.restrict': (_payload, descriptors) => void got.push(...descriptors) } });
  const mine = userNamespace();
  await fake.deliver('allocator', 'range.restrict', restrict, [mine]);
  expect(() => mine.fd).toThrow();
  expect(got).toHaveLength(1);
  closeAll(got);
  fake.close();
});
