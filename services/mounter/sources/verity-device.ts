/**
 * A dm-verity device over the caller's own file: nothing is copied, and the kernel checks every block whenever it is read. Mounts of one
 * file by one root hash share their device by its name. It is marked for removal as soon as it is mounted, so that the kernel
 * takes it down, and its loop devices, with the last mount; nobody has to remember it.
 */
import { openSync } from 'node:fs';
import { Descriptor } from '../../../mesh/descriptors.ts';
import { PosternError } from '../../../mesh/errors.ts';
import { type Addon, isSystemError } from '../../../native/index.ts';
import { type FilePart, makeLoop } from './loop.ts';
import { pause } from './pause.ts';
import type { Source } from './source.ts';
import { type VerityTable, verityParameters, veritySectors } from './verity-table.ts';

const controlPath = '/dev/mapper/control';
const target = 'verity';
/** Tells our devices from anybody else's. */
export const devicePrefix = 'postern-';
/** Between two looks at a device that another worker is making. */
const pauseMs = 1;

/** What the kernel says to a signature. Fails closed: only an unknown signer may still be one that a certificate vouches for. */
const refusals: Readonly<Record<'unknown' | 'undecided' | 'broken', readonly string[]>> = {
  /** in none of its keyrings */
  unknown: ['ENOKEY'],
  /** its own verifier lacks the algorithm, or it has none at all (CONFIG_DM_VERITY_VERIFY_ROOTHASH_SIG) */
  undecided: ['ENOPKG', 'EINVAL'],
  /** of another root hash, not a signature at all, or by a key that is on its blacklist */
  broken: ['EKEYREJECTED', 'EBADMSG', 'EKEYREVOKED', 'EKEYEXPIRED'],
};

export interface VerityDevice {
  readonly name: string;
  readonly data: FilePart;
  readonly hash: FilePart;
  readonly table: VerityTable;
  /** detached PKCS#7 over the root hash for the kernel's keyrings; null where the kernel is not asked */
  readonly signature: Uint8Array | null;
  /** a certificate of the operator's made the signature: a kernel that does not know the signer has no last word */
  readonly trusted: boolean;
}

/** Why this kernel makes no such devices, or null where it does. Loads the target's module where it is one. */
export function verityTargetMissing(kernel: Pick<Addon, 'dmTargetVersion'>): string | null {
  try {
    using control = openControl();
    kernel.dmTargetVersion(control.fd, target);
    return null;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return `${error.syscall}: ${error.code}`;
  }
}

/** Devices of ours that an earlier life left half-made go; those that are mounted stay until they are not. */
export function sweepVerityDevices(kernel: Addon): void {
  using control = openControl();
  for (const name of kernel.dmNames(control.fd).filter((name) => name.startsWith(devicePrefix))) removeLater(kernel, control.fd, name);
}

/**
 * The device, shared or made. The kernel's device lives at least as long as the source.
 * @throws PosternError SIGNER_UNKNOWN, SIGNATURE_INVALID, TIMED_OUT; SystemError for anything else that the kernel refuses
 */
export function openVerityDevice(kernel: Addon, asked: VerityDevice, inTime: () => void): Source {
  const control = openControl();
  try {
    for (;;) {
      const device = join(kernel, control.fd, asked.name) ?? make(kernel, control.fd, asked);
      if (device !== null) return sourceOf(kernel, control, asked.name, device);
      inTime();
      pause(pauseMs);
    }
  } catch (error) {
    control.close();
    throw error;
  }
}

function sourceOf(kernel: Addon, control: Descriptor, name: string, device: OpenDevice): Source {
  return {
    path: device.path,
    device: null,
    [Symbol.dispose]() {
      removeLater(kernel, control.fd, name);
      device.descriptor.close();
      control.close();
    },
  };
}

interface OpenDevice {
  readonly path: string;
  readonly descriptor: Descriptor;
}

/** The device of this name, held open; null where there is none, or none that is ready. */
function join(kernel: Addon, control: number, name: string): OpenDevice | null {
  let descriptor: Descriptor | undefined;
  try {
    const before = kernel.dmStatus(control, name);
    if (!before.active) return null;
    const path = `/dev/dm-${before.minor}`;
    descriptor = new Descriptor(openSync(path, 'r'));
    // Held open it can't go any more; but it may have gone, and its number be another's, just before.
    const after = kernel.dmStatus(control, name);
    if (after.active && after.minor === before.minor) return { path, descriptor };
  } catch (error) {
    descriptor?.close();
    if (isSystemError(error) && ['ENXIO', 'ENOENT', 'ENODEV'].includes(error.code)) return null;
    throw error;
  }
  descriptor.close();
  return null;
}

/** Null where somebody else makes it right now. */
function make(kernel: Addon, control: number, asked: VerityDevice): OpenDevice | null {
  try {
    kernel.dmCreate(control, asked.name);
  } catch (error) {
    if (isSystemError(error) && error.code === 'EBUSY') return null;
    throw error;
  }
  try {
    load(kernel, control, asked);
    kernel.dmResume(control, asked.name);
    return join(kernel, control, asked.name);
  } catch (error) {
    removeLater(kernel, control, asked.name);
    throw error;
  }
}

function load(kernel: Addon, control: number, asked: VerityDevice): void {
  // The device keeps the loop devices; without it they end with these.
  using data = makeLoop(kernel, asked.data.fd, true, asked.data.range);
  using hash = makeLoop(kernel, asked.hash.fd, true, asked.hash.range);
  const loadWith = (key: string | null) =>
    kernel.dmLoad(control, asked.name, veritySectors(asked.table), target, verityParameters(asked.table, data.path, hash.path, key));
  if (asked.signature === null) {
    translated(() => loadWith(null));
    return;
  }
  const key = kernel.addThreadKey(asked.name, asked.signature);
  try {
    translated(() => loadWith(asked.name));
  } catch (error) {
    if (!asked.trusted || !mayFallBack(error)) throw error;
    translated(() => loadWith(null));
  } finally {
    kernel.unlinkThreadKey(key);
  }
}

function mayFallBack(error: unknown): boolean {
  if (error instanceof PosternError) return error.code === 'SIGNER_UNKNOWN';
  return isSystemError(error) && refusals.undecided.includes(error.code);
}

function translated(step: () => void): void {
  try {
    step();
  } catch (error) {
    const code = isSystemError(error) ? error.code : '';
    if (refusals.unknown.includes(code)) throw new PosternError('SIGNER_UNKNOWN', "the signer's key is in none of the kernel's keyrings");
    if (refusals.broken.includes(code)) throw new PosternError('SIGNATURE_INVALID', `the kernel refused it with ${code}`);
    throw error;
  }
}

/** Marks it: the kernel removes it with the last who has it open, at once where nobody has. */
function removeLater(kernel: Addon, control: number, name: string): void {
  try {
    kernel.dmRemove(control, name);
  } catch (error) {
    // somebody who shared it was quicker
    if (!isSystemError(error) || error.code !== 'ENXIO') throw error;
  }
}

function openControl(): Descriptor {
  return new Descriptor(openSync(controlPath, 'r+'));
}
