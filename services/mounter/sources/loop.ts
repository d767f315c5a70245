/** A block device over a file. It ends by itself (autoclear) with its last user, so nobody has to remember it. */
import { openSync } from 'node:fs';
import { Descriptor } from '../../../mesh/descriptors.ts';
import { PosternError } from '../../../mesh/errors.ts';
import { type Addon, isSystemError } from '../../../native/index.ts';
import { pause } from './pause.ts';
import type { Source } from './source.ts';

const controlPath = '/dev/loop-control';
export const loopPath = (number: number) => `/dev/loop${number}`;

/** Every racing process may take the free device first; each lost race means that somebody else got on. */
const maxTries = 64;
/** Lost races in a row after which we let others run. */
const racesBeforePause = 8;
const pauseMs = 1;

/** The smallest logical block: takes every file system, whatever its own block size. */
const blockSize = 512;

/** Bytes of the file that a device shows; a `sizeLimit` of 0 is all the rest. */
export interface LoopRange {
  readonly offset: number;
  readonly sizeLimit: number;
}

/** A part of an open file. */
export interface FilePart {
  readonly fd: number;
  readonly range: LoopRange;
}

export const wholeFile: LoopRange = { offset: 0, sizeLimit: 0 };

/** Makes a fresh device over the file. The descriptor that keeps it alive until it is mounted is closed with the source. */
export function makeLoop(kernel: Addon, fd: number, readOnly: boolean, range = wholeFile): Source {
  using control = new Descriptor(openSync(controlPath, 'r+'));
  for (let tries = 1; tries <= maxTries; tries++) {
    const number = kernel.loopGetFree(control.fd);
    const device = tryConfigure(kernel, number, fd, readOnly, range);
    if (device !== null) return loopSource(number, device);
    if (tries % racesBeforePause === 0) pause(pauseMs);
  }
  throw new PosternError('MOUNT_FAILED', 'no free loop device: others were faster every time');
}

/** A device that exists; the main thread holds it open. */
export function existingLoop(number: number): Source {
  return { path: loopPath(number), device: number, [Symbol.dispose]() {} };
}

function loopSource(number: number, device: Descriptor): Source {
  return { path: loopPath(number), device: number, [Symbol.dispose]: () => device.close() };
}

/** Null when somebody else has the device by now. */
function tryConfigure(kernel: Addon, number: number, fd: number, readOnly: boolean, range: LoopRange): Descriptor | null {
  let device: Descriptor | undefined;
  try {
    device = new Descriptor(openSync(loopPath(number), readOnly ? 'r' : 'r+'));
    kernel.loopConfigure(device.fd, fd, { readOnly, autoclear: true, directIo: false, ...range, blockSize });
    return device;
  } catch (error) {
    device?.close();
    if (isSystemError(error) && (error.code === 'EBUSY' || error.code === 'ENXIO')) return null;
    throw error;
  }
}
