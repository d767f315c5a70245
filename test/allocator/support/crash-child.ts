/**
 * An allocator that ends by SIGKILL at the n-th thing that it does to the disk or to a namespace: a child of crash.test.ts and control-groups-crash.test.ts.
 *
 *     node crash-child.mjs FOLDER STEP open|guarded|helperless NAMESPACE...
 *     node crash-child.mjs FOLDER STEP group NAMESPACE CONTROL-GROUPS GROUP
 *
 * Asks for a range for each namespace, given as a path; `helperless`: after the end of its namespace helper. `group`: gives GROUP, below the mount CONTROL-GROUPS, to a namespace that has one. Prints "done" where STEP is more than there are.
 */
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Descriptor } from '../../../mesh/descriptors.ts';
import { native } from '../../../native/index.ts';
import { type Disk, realDisk } from '../../../services/allocator/journal.ts';
import { openDesk } from './desk.ts';

const [folder = '', last = '', mode = '', ...namespaces] = process.argv.slice(2);
let steps = 0;

function step(): void {
  if (++steps === Number(last)) process.kill(process.pid, 'SIGKILL');
}

/** The same function, with an end possible just before and just after it. */
function mortal<A extends unknown[], R>(act: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    step();
    const result = act(...args);
    step();
    return result;
  };
}

const disk: Disk = {
  mkdirSync: mortal(realDisk.mkdirSync),
  openSync: mortal(realDisk.openSync),
  readFileSync: mortal(realDisk.readFileSync),
  // As much as a torn write leaves: the first half, then the rest.
  writeSync: mortal((fd: number, data: Uint8Array, offset: number) =>
    realDisk.writeSync(fd, offset === 0 ? data.subarray(0, Math.ceil(data.length / 2)) : data, offset),
  ),
  ftruncateSync: mortal(realDisk.ftruncateSync),
  fdatasyncSync: mortal(realDisk.fdatasyncSync),
  fsyncSync: mortal(realDisk.fsyncSync),
  renameSync: mortal(realDisk.renameSync),
  rmSync: mortal(realDisk.rmSync),
  closeSync: mortal(realDisk.closeSync),
};
const kernel = {
  ...native,
  helperWriteMaps: mortal(native.helperWriteMaps),
  helperReadMaps: mortal(native.helperReadMaps),
  openControlGroup: mortal(native.openControlGroup),
  giveControlGroup: mortal(native.giveControlGroup),
};

const open = (path: string) => new Descriptor(openSync(path, 'r'));
const config = { pools: [{ first: 524288, last: 524288 + 6 * 65536 - 1 }], share_per_user: 1 };
if (mode === 'group') {
  const [namespace = '', mount = '', group = ''] = namespaces.splice(0);
  const desk = openDesk({ ...config, control_groups: mount }, { disk, kernel }, folder);
  await desk.addControlGroup(open(namespace), open(group));
  desk.drop();
  process.stdout.write('done\n');
  process.exit(0);
}
const desk = openDesk(config, { disk, kernel }, folder);
if (mode === 'guarded') await desk.policy(true);
if (mode === 'helperless') process.kill(Number.parseInt(readFileSync(join(folder, 'helper'), 'utf8'), 10), 'SIGKILL');
for (const path of namespaces) {
  const answer = await desk.allocate(open(path));
  if (answer !== 'waiting') continue;
  const { payload, descriptors } = desk.fake.take('range.restrict');
  for (const descriptor of descriptors) descriptor.close();
  await desk.fake.deliver('lsm', 'range.restricted', { request: payload.request, namespace: payload.namespace, refusal: null });
}
desk.drop();
process.stdout.write('done\n');
process.exit(0);
