/**
 * A gateway in a process of its own, with siblings that answer: soon or later, with success, an error, several replies, twice, or never.
 * Says where it listens; ends with its input, and says then what it has left.
 */
import { openSync } from 'node:fs';
import { Descriptor, ownedDescriptors } from '../../../mesh/descriptors.ts';
import type { ErrorCode } from '../../../mesh/errors.ts';
import type { MessageName } from '../../../mesh/protocol.ts';
import { native } from '../../../native/index.ts';
import type { Sent } from '../../support/mesh.ts';
import { mounted, someMount, startTestGateway } from '../harness.ts';
import { Random } from './random.ts';

const names = [
  'range.allocate',
  'namespace.register',
  'mount.add',
  'control-group.add',
  'image.mount',
  'image.prepare',
  'directory.mount',
  'directory.make',
  'record.find',
  'request.cancel',
] as const satisfies readonly MessageName[];
const codes: readonly ErrorCode[] = [
  'NAMESPACE_NOT_YOURS',
  'RANGES_EXHAUSTED',
  'IMAGE_UNREADABLE',
  'POLICY_DENIED',
  'RECORD_NOT_FOUND',
  'MOUNT_FAILED',
];

/** Long enough for the longest message on a machine that has much else to do, and short enough to be waited for. */
const silence = 10_000;

const start = ownedDescriptors();
const random = new Random(1, 0);
const gateway = await startTestGateway({ deadlines: { silence, request: silence, image: silence } });
const { siblings } = gateway;
const mount = someMount();
const folder = openSync('/', 'r');
let ending = false;

/** What a stage says that did what it was asked for. */
async function succeed({ name, payload }: Sent, request: number): Promise<void> {
  const asked = 'name' in payload && typeof payload.name === 'string' ? payload.name : 'x';
  switch (name) {
    case 'range.allocate':
    case 'namespace.register':
      return siblings.deliver('allocator', 'range.allocated', { request, name: asked });
    case 'mount.add':
      return siblings.deliver('lsm', 'mount.added', { request });
    case 'control-group.add':
      return siblings.deliver('allocator', 'control-group.added', { request });
    case 'image.mount':
      return siblings.deliver('lsm', 'image.mounted', { request, mounted: mounted() }, [mount.duplicate()]);
    case 'image.prepare':
      for (const done of [0, 1]) await siblings.deliver('verity', 'request.progress', { request, phase: 'reading', done, total: 2 });
      return siblings.deliver('verity', 'image.prepared', { request, rootHash: 'ab'.repeat(32), signer: null, cached: false });
    case 'directory.mount':
      return siblings.deliver('lsm', 'directory.mounted', { request }, [mount.duplicate()]);
    case 'directory.make':
      return siblings.deliver('allocator', 'directory.made', { request }, [new Descriptor(native.duplicate(folder))]);
    case 'record.find':
      return siblings.deliver('allocator', 'record.found', { request, name: 'x', offset: 0, id: 70_000, unit: 65_536 });
  }
}

async function answer(sent: Sent): Promise<void> {
  for (const descriptor of sent.descriptors) descriptor.close();
  if (sent.name === 'request.cancel' || !('request' in sent.payload)) return;
  const { request } = sent.payload;
  const isSound = 'name' in sent.payload && String(sent.payload.name).startsWith('sound');
  if (!isSound && random.chance(2)) return;
  if (random.chance(300)) await new Promise((resolve) => setTimeout(resolve, random.below(8)));
  if (isSound || random.chance(600)) await succeed(sent, request);
  else await siblings.deliver('allocator', 'request.failed', { request, code: random.pick(codes), detail: '', parameter: null });
  if (random.chance(50)) await succeed(sent, request);
}

/** Sees to all messages of a name, as they come. */
async function serve(name: (typeof names)[number]): Promise<void> {
  while (!ending) {
    void answer(await siblings.expect(name));
    // what is of no interest any more
    if (siblings.lines.length > 10_000) siblings.lines.splice(0, siblings.lines.length, ...siblings.lines.filter(isGrave));
  }
}

function isGrave({ level }: Record<string, unknown>): boolean {
  return level === 'error' || level === 'fatal';
}

for (const name of names) void serve(name);
process.stdout.write(`${gateway.path}\n`);
process.stdin.resume();
process.stdin.on('end', () => {
  ending = true;
  const grave = siblings.lines.filter(isGrave);
  mount.close();
  native.close(folder);
  void gateway.close().then(() => process.stdout.write(`${JSON.stringify({ grave, owned: ownedDescriptors() - start })}\n`));
});
