/** What a mounter can leave behind on the machine: counted before and after. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';

export interface Traces {
  /** where the images are that loop devices stand on */
  readonly folder: string;
  /** loop devices with a file behind them, by name */
  readonly loops: readonly string[];
  readonly mounts: number;
  readonly descriptors: number;
}

/** Loop devices over files of a folder: other programs have theirs. A device's file shows below /sys for as long as it has one. */
export function loops(folder: string): string[] {
  return readdirSync('/sys/block').filter((name) => {
    if (!name.startsWith('loop')) return false;
    try {
      return readFileSync(`/sys/block/${name}/loop/backing_file`, 'utf8').startsWith(folder);
    } catch {
      return false;
    }
  });
}

function traces(folder: string): Traces {
  return {
    folder,
    loops: loops(folder),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length,
    descriptors: readdirSync('/proc/self/fd').length,
  };
}

const patienceMs = 30_000;
const stepMs = 20;

/** The kernel takes mounts and loop devices down a moment after their last descriptor was closed: waits until all is as it was. */
export async function settled(before: Traces): Promise<void> {
  for (const end = Date.now() + patienceMs; Date.now() < end; ) {
    if (JSON.stringify(traces(before.folder)) === JSON.stringify(before)) return;
    await new Promise((done) => setTimeout(done, stepMs));
  }
  expect(traces(before.folder)).toEqual(before);
}

/** The traces before a test, once what was made earlier has gone: it must neither hide a leak nor look like one. */
export async function atRest(folder: string): Promise<Traces> {
  for (const end = Date.now() + patienceMs; loops(folder).length > 0 && Date.now() < end; ) {
    await new Promise((done) => setTimeout(done, stepMs));
  }
  const before = traces(folder);
  expect(before.loops, 'devices of an earlier test').toEqual([]);
  return before;
}
