/**
 * A device of device mapper's: mounts of the same share it by its name. It is marked for removal as soon as it is mounted, so that the kernel
 * takes it down, and its loop devices, with the last mount; nobody has to remember it.
 */
import { openSync } from 'node:fs';
import { Descriptor } from '../../../mesh/descriptors.ts';
import { PosternError } from '../../../mesh/errors.ts';
import { type Addon, isSystemError } from '../../../native/index.ts';
import { pause } from './pause.ts';
import type { Source } from './source.ts';

const controlPath = '/dev/mapper/control';
/** Tells our devices from anybody else's. */
export const devicePrefix = 'postern-';
/** Between two looks at a device that another worker is making. */
const pauseMs = 1;

/** A kind of device. */
export interface Target {
  readonly name: string;
  /** the first version that has what we use */
  readonly since: readonly [number, number, number];
}

/** Why this kernel makes no such devices, or null where it does. Loads the target's module where it is one. */
export function targetMissing(kernel: Pick<Addon, 'dmTargetVersion'>, { name, since }: Target): string | null {
  try {
    using control = openControl();
    const version = kernel.dmTargetVersion(control.fd, name);
    return isOlder(version, since) ? `${name} ${version.join('.')}: older than ${since.join('.')}` : null;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return `${error.syscall}: ${error.code}`;
  }
}

export function isOlder(version: readonly number[], than: readonly number[]): boolean {
  const first = version.findIndex((part, index) => part !== than[index]);
  return first >= 0 && (version[first] ?? 0) < (than[first] ?? 0);
}

/** Devices of ours that an earlier life left half-made go; those that are mounted stay until they are not. */
export function sweepDevices(kernel: Addon): void {
  using control = openControl();
  for (const name of kernel.dmNames(control.fd).filter((name) => name.startsWith(devicePrefix))) removeLater(kernel, control.fd, name);
}

/** Loads the table of a device that was just made; what the device stands on may end with the call. */
export type LoadTable = (control: number) => void;

/**
 * The device, shared or made. The kernel's device lives at least as long as the source.
 * @throws PosternError IMAGE_IN_USE where it is there for reading and is wanted for writing, or the other way round; whatever `load` and
 * `inTime` throw; SystemError for anything else that the kernel refuses
 */
export function openMapped(kernel: Addon, name: string, writable: boolean, load: LoadTable, inTime: () => void): Source {
  const control = openControl();
  try {
    for (;;) {
      const device = join(kernel, control.fd, name, writable) ?? make(kernel, control.fd, name, writable, load);
      if (device !== null) return sourceOf(kernel, control, name, device);
      inTime();
      pause(pauseMs);
    }
  } catch (error) {
    control.close();
    throw error;
  }
}

/** A device that is there for reading, held open: it lives at least as long. Null where it has gone, or the kernel won't have it opened. */
export function holdMapped(kernel: Pick<Addon, 'dmStatus'>, name: string): Descriptor | null {
  try {
    using control = openControl();
    return join(kernel, control.fd, name, false)?.descriptor ?? null;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return null;
  }
}

/** Only whether the kernel takes such a table. @throws whatever `load` throws; SystemError for anything else that the kernel refuses */
export function tryTable(kernel: Addon, name: string, load: LoadTable): void {
  using control = openControl();
  kernel.dmCreate(control.fd, name);
  try {
    load(control.fd);
  } finally {
    removeLater(kernel, control.fd, name);
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
function join(kernel: Pick<Addon, 'dmStatus'>, control: number, name: string, writable: boolean): OpenDevice | null {
  let descriptor: Descriptor | undefined;
  try {
    const before = kernel.dmStatus(control, name);
    if (!before.active) return null;
    if (before.readOnly === writable) throw new PosternError('IMAGE_IN_USE', writable ? 'for reading only' : 'for writing');
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
function make(kernel: Addon, control: number, name: string, writable: boolean, load: LoadTable): OpenDevice | null {
  try {
    kernel.dmCreate(control, name);
  } catch (error) {
    if (isSystemError(error) && error.code === 'EBUSY') return null;
    throw error;
  }
  try {
    load(control);
    kernel.dmResume(control, name);
    return join(kernel, control, name, writable);
  } catch (error) {
    removeLater(kernel, control, name);
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
