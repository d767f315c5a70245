/** Streams that no sound client sends: whatever comes, every answer is a reply, nothing stays open, and the next client is served. */
import { openSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { closeAll } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { interfaces } from '../../varlink/method/registry.ts';
import { Client, info, Namespace, openDescriptors, startTestGateway, type TestGateway, until } from './harness.ts';

let gateway: TestGateway;
let namespace: Namespace;
let file: number;

beforeAll(async () => {
  namespace = await Namespace.create();
  file = openSync('/proc/self/exe', 'r');
  gateway = await startTestGateway();
});
afterAll(async () => {
  await gateway.close();
  native.close(file);
  await namespace.end();
});

const methods = interfaces.flatMap(({ name, members }) =>
  members.flatMap((member) => (member.kind === 'method' ? [{ name: `${name}.${member.name}`, member }] : [])),
);
const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(0, 1, '0', 65536, -1, 'managed', 'self', true, null, 'x', 2 ** 40));

/** A call that is nearly right: the declared fields, most of them, with values that may fit. */
const nearlyRight = fc.constantFrom(...methods).chain(({ name, member }) =>
  fc
    .record({
      fields: fc.record(Object.fromEntries(member.input.map((field) => [field.name, value])), { requiredKeys: [] }),
      flag: fc.constantFrom({}, { more: true }, { oneway: true }, { upgrade: true }, { more: true, oneway: true }, { extra: 1 }),
      flagged: fc.nat(4),
    })
    .map(({ fields, flag, flagged }) =>
      Buffer.from(`${JSON.stringify({ method: name, parameters: fields, ...(flagged === 0 ? flag : {}) })}\0`),
    ),
);
const noise = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
/** A call with one byte changed. */
const mutated = fc.tuple(nearlyRight, fc.nat(), fc.nat(255)).map(([bytes, place, byte]) => {
  const changed = Buffer.from(bytes);
  changed[place % changed.length] = byte;
  return changed;
});
const piece = fc.record({
  bytes: fc.oneof({ weight: 6, arbitrary: nearlyRight }, { weight: 2, arbitrary: mutated }, { weight: 1, arbitrary: noise }),
  descriptors: fc.array(fc.constantFrom('namespace' as const, 'file' as const), { maxLength: 3 }),
  cuts: fc.array(fc.nat(200), { maxLength: 3 }),
  pause: fc.boolean(),
});

let refused = 0;
/** What got through to the siblings is refused there: a oneway call outlives its client until it is. */
function refuseAll(): void {
  for (const { payload, descriptors } of gateway.siblings.sent().slice(refused)) {
    refused += 1;
    closeAll(descriptors);
    if (!('request' in payload)) continue;
    void gateway.siblings.deliver('allocator', 'request.failed', {
      request: payload.request,
      code: 'CANCELLED',
      detail: '',
      parameter: null,
    });
  }
}

it('no stream breaks the gateway, and no answer breaks the protocol', async () => {
  const before = openDescriptors().length;
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 6 }), fc.constantFrom('close', 'half', 'read'), async (pieces, end) => {
      const client = new Client(gateway.path);
      for (const { bytes, descriptors, cuts, pause } of pieces) {
        const ends = [...new Set([...cuts.filter((cut) => cut > 0 && cut < bytes.length), bytes.length])].sort((a, b) => a - b);
        let start = 0;
        for (const [index, stop] of ends.entries()) {
          if (stop > start)
            client.raw(bytes.subarray(start, stop), index === 0 ? descriptors.map((kind) => (kind === 'file' ? file : namespace.fd)) : []);
          start = stop;
          if (pause) await new Promise((resolve) => setImmediate(resolve));
        }
      }
      if (end === 'half') client.halfClose();
      if (end !== 'close') await new Promise((resolve) => setTimeout(resolve, 2));
      client.close();
      await until(() => {
        refuseAll();
        return gateway.report().connections === 0;
      });
    }),
    { numRuns: 400 },
  );
  const last = new Client(gateway.path);
  expect(await last.call(info)).toMatchObject({ error: null });
  last.close();
  await until(() => gateway.report().connections === 0);
  expect(gateway.report()).toMatchObject({ users: 0, requests: 0, waiting: 0 });
  expect(openDescriptors().length).toBe(before);
});
