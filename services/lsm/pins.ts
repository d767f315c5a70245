/**
 * Programs and maps in bpffs. Pins belong to the machine, not to a process: whatever dies, the policy stays in force. Maps lie in
 * `maps-vN`, one folder for each layout; links in a folder named after what was loaded, which gets its name only when all are attached.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { LsmAddon } from '../../native/lsm/index.ts';
import type { Program } from './programs.ts';

/** Raised when a layout of bpf/state.h changes. */
const layout = 1;
/** bpffs takes no name with a dot. */
const unfinished = '-new';

export interface Pins {
  readonly maps: string;
  readonly links: string;
  /** attached now, taken over from an earlier life, or kept from an earlier version because this one would not load */
  readonly how: 'loaded' | 'taken over' | 'kept';
}

/** A folder of bpffs with the pins in it. Removing a link's pin ends its program. */
function removeFolder(folder: string): void {
  for (const name of readdirSync(folder)) unlinkSync(join(folder, name));
  rmdirSync(folder);
}

/** Takes a policy out of force: for whoever tries or measures it. No service of ours ever does. */
export function lift(root: string): void {
  for (const folder of readdirSync(root)) removeFolder(join(root, folder));
}

const finished = new RegExp(`^links-v${layout}-[0-9a-f]{16}$`);

/**
 * Puts a policy in force without a moment in which none is: the new programs run beside the old until all are attached.
 * @param root a folder of bpffs
 * @throws SystemError when it can't be loaded and no earlier one is in force
 */
export function putInForce(addon: LsmAddon, root: string, object: string, config: Uint8Array, chosen: readonly Program[]): Pins {
  const maps = join(root, `maps-v${layout}`);
  mkdirSync(maps, { recursive: true, mode: 0o700 });
  const names = chosen.map(({ name }) => name);
  const id = createHash('sha256').update(readFileSync(object)).update(config).update(names.join()).digest('hex').slice(0, 16);
  const links = join(root, `links-v${layout}-${id}`);
  const others = () => readdirSync(root).filter((name) => name.startsWith('links-') && join(root, name) !== links);
  if (existsSync(links)) {
    // an upgrade that ended before its last step
    for (const name of others()) removeFolder(join(root, name));
    return { maps, links, how: 'taken over' };
  }
  const before = others().filter((name) => finished.test(name));
  const work = `${links}${unfinished}`;
  // left by a life that ended between two programs; those that it had attached go on until the new ones are
  const leftover = `${links}-old`;
  if (existsSync(leftover)) removeFolder(leftover);
  if (existsSync(work)) renameSync(work, leftover);
  mkdirSync(work, { mode: 0o700 });
  try {
    const handle = addon.load(object, config, maps, names);
    for (const { name, use } of chosen) {
      if (use === 'attach') addon.attach(name, join(work, name), handle);
      else addon.pinProgram(name, join(work, name), handle);
    }
    renameSync(work, links);
  } catch (thrown) {
    removeFolder(work);
    const [kept] = before;
    if (kept === undefined) throw thrown;
    return { maps, links: join(root, kept), how: 'kept' };
  }
  for (const name of others()) removeFolder(join(root, name));
  return { maps, links, how: 'loaded' };
}
