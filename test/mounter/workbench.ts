/** What tests of the mounter have at hand: a helper, plans as verity makes them, and mounting in this very process. */
import { systemClock } from '../../mesh/clock.ts';
import { closeAll, type Descriptor } from '../../mesh/descriptors.ts';
import type { MountPlan } from '../../mesh/protocol.ts';
import { type Addon, native } from '../../native/index.ts';
import { type Attached, attach, type Workshop } from '../../services/mounter/attachment.ts';
import { LoopDevices } from '../../services/mounter/devices.ts';
import { carryOutDirectory } from '../../services/mounter/directory.ts';
import { KeptDevices } from '../../services/mounter/kept-devices.ts';
import { carryOut } from '../../services/mounter/mount.ts';
import { prepare } from '../../services/mounter/plan.ts';
import { carryOutSigner } from '../../services/mounter/signer.ts';
import { DirectFiles } from '../../services/mounter/sources/file.ts';
import { helper } from './helper.ts';
import { openImage } from './namespace.ts';

export const isRoot = process.getuid?.() === 0;

export interface Wanted {
  readonly path: string;
  readonly fileSystem: string;
  readonly noSuid?: boolean;
  readonly noExec?: boolean;
  readonly noSymlinks?: boolean;
  readonly writable?: boolean;
  readonly grow?: boolean;
  /** of the partition, in bytes */
  readonly size?: number;
  readonly options?: readonly string[];
  readonly asked?: readonly string[];
  readonly designator?: string;
  /** of the file, in bytes; all of it by default */
  readonly part?: { readonly offset: number; readonly size: number; readonly shared: boolean };
}

/** A plan for these, the i-th from the i-th descriptor. */
export function planFor(wanted: readonly Wanted[]): MountPlan {
  return {
    image: { singleFileSystem: true, imagePolicy: '*', imageSize: 0, sectorSize: 512, imageName: null, imageUuid: null },
    partitions: wanted.map((each, descriptor) => ({
      designator: each.designator ?? 'root',
      number: null,
      architecture: null,
      uuid: null,
      label: null,
      fileSystem: each.fileSystem,
      size: each.size ?? 0,
      offset: 0,
      writable: each.writable ?? false,
      grow: each.grow ?? false,
      noSuid: each.noSuid ?? false,
      noExec: each.noExec ?? false,
      noSymlinks: each.noSymlinks ?? false,
      options: [...(each.options ?? [])],
      asked: [...(each.asked ?? [])],
      mountPoints: ['/'],
      source: each.part === undefined ? { kind: 'file', descriptor } : { kind: 'part', descriptor, ...each.part },
    })),
  };
}

/** A workshop whose worker is this thread. */
export function workshop(kernel: Addon = native, kept = new KeptDevices(systemClock, 0)): Workshop {
  const bench = { kernel, helper: helper(), now: systemClock.now };
  return {
    kernel: native,
    devices: new LoopDevices(native, systemClock, kept),
    kept,
    direct: new DirectFiles(),
    run: async (job) => carryOut(job, bench),
    runDirectory: async (job) => carryOutDirectory(job, bench),
    runSigner: async (job) => carryOutSigner(job, bench),
    unexpected: (type) => {
      throw new Error(`an attachment did not wait for ${type}`);
    },
  };
}

const patienceMs = 30_000;

/** Mounts files, as one image of several partitions. The caller closes the mounts. */
export async function mount(wanted: readonly Wanted[], namespace: Descriptor | null, shop: Workshop = workshop()): Promise<Descriptor[]> {
  return (await make(wanted, namespace, shop)).map(({ mount }) => mount);
}

/** The same, with what else came of each. */
export async function make(wanted: readonly Wanted[], namespace: Descriptor | null, shop: Workshop = workshop()): Promise<Attached[]> {
  const sources = wanted.map(({ path, writable }) => openImage(path, writable));
  try {
    const partitions = prepare(planFor(wanted), sources.length);
    return await attach({ deadline: systemClock.now() + patienceMs, namespace, partitions, sources }, shop);
  } finally {
    closeAll(sources);
  }
}
