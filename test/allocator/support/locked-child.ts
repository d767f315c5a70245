/**
 * A locked-down allocator that does all that one ever does, and says what came of it: a child of privileges.test.ts.
 *
 *     node locked-child.mjs FOLDER LEFT-OUT-CALL|- FRESH-PID MAPPED-PID CONTROL-GROUPS
 *
 * Descriptor 3 is a directory of the foreign range in one of uid 1000's that is closed to others, and 4 is that one. 5 is a control group of uid 1000's below the mount CONTROL-GROUPS. FRESH and MAPPED are processes of uid 1000 in user namespaces of their own. When a line comes on stdin, FRESH has ended.
 */
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { Descriptor } from '../../../mesh/descriptors.ts';
import { lockDown } from '../../../mesh/lockdown.ts';
import { native } from '../../../native/index.ts';
import { realDisk } from '../../../services/allocator/journal.ts';
import { privileges } from '../../../services/allocator/privileges.ts';
import { openDesk } from './desk.ts';

const [folder = '', leftOut = '', fresh = '', mapped = '', controlGroups = ''] = process.argv.slice(2);
const open = (pid: string) => new Descriptor(openSync(`/proc/${pid}/ns/user`, 'r'));

let rewrites = 0;
/** Bytes that fit before the disk is full. */
let room = Number.POSITIVE_INFINITY;
const disk = {
  ...realDisk,
  writeSync(fd: number, data: Uint8Array, offset: number) {
    if (room <= 0) throw Object.assign(new Error('no room'), { code: 'ENOSPC', errno: 28, syscall: 'write' });
    const written = realDisk.writeSync(fd, data.subarray(0, offset + Math.min(room, data.length - offset)), offset);
    room -= written;
    return written;
  },
  renameSync(from: string, to: string) {
    realDisk.renameSync(from, to);
    rewrites++;
  },
};
const desk = openDesk({ control_groups: controlGroups }, { disk, rewriteAtBytes: 300 }, folder);
// What the gateway passes comes by the mesh, so all of it is open before.
const [first, second, third, fourth, fifth] = [open(fresh), open(fresh), open(fresh), open(fresh), open(fresh)];
const other = open(mapped);
const caller = new Descriptor(native.pidfdOpen(Number(fresh)));
const directory = new Descriptor(3);
const parent = new Descriptor(4);
const group = new Descriptor(5);

const before = rewrites;

const { systemCalls } = privileges;
lockDown({ ...privileges, systemCalls: systemCalls.map(({ names, why }) => ({ names: names.filter((name) => name !== leftOut), why })) });

const results: Record<string, unknown> = {};
/** Keeps what it gives, or the code of what it throws. */
async function say(name: string, act: () => unknown): Promise<void> {
  try {
    results[name] = await act();
  } catch (thrown) {
    results[name] = thrown instanceof Error ? thrown.message : String(thrown);
  }
}
const verdict = (answer: unknown) => (typeof answer === 'object' && answer !== null && 'code' in answer ? answer.code : 'ok');

room = 20;
await say('full', async () => verdict(await desk.allocate(first)));
room = Number.POSITIVE_INFINITY;
await say('allocate', async () => verdict(await desk.allocate(second)));
await say('mount', async () => verdict(await desk.mount(third)));
await say('mount elsewhere', async () => verdict(await desk.mount(other)));
await say('directory', async () => verdict(await desk.mountDirectory(directory, caller, fourth)));
await say('made directory', async () => verdict(await desk.makeDirectory(parent)));
await say('control group', async () => verdict(await desk.addControlGroup(fifth, group)));
await say('rewritten', () => rewrites > before);
process.stdout.write('now end\n');
await once(process.stdin, 'data');
await say('swept', async () => {
  for (let waited = 0; waited < 1500 && desk.status().namespaces !== 0; waited++) await new Promise((resolve) => setTimeout(resolve, 20));
  return desk.status().namespaces === 0;
});
process.stdout.write(`${JSON.stringify(results)}\n`);
process.exit(0);
