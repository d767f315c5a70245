/**
 * A dm-crypt device over an encrypted part of a file. Its key goes to the kernel as a `logon` key of this thread, which nobody can read back,
 * and is gone from there once the device has it: the table, which root can show, only has its name.
 */
import type { Addon } from '../../../native/index.ts';
import { type CryptTable, cryptParameters, cryptSectors, keyName } from './crypt-table.ts';
import { type FilePart, makeLoop } from './loop.ts';
import { openMapped, type Target } from './mapped-device.ts';
import type { Source } from './source.ts';

/** 1.15 takes keys from the keyring (Linux 4.10), 1.17 has sectors larger than 512 bytes, 1.18.1 mends both (Linux 4.16). */
export const cryptTarget: Target = { name: 'crypt', since: [1, 18, 1] };

export interface CryptDevice {
  readonly name: string;
  readonly data: FilePart;
  readonly table: CryptTable;
  readonly key: Uint8Array;
  readonly writable: boolean;
}

/**
 * The device, shared or made. Wipes its copy of the key.
 * @throws PosternError TIMED_OUT, IMAGE_IN_USE; SystemError for what the kernel refuses
 */
export function openCryptDevice(kernel: Addon, asked: CryptDevice, inTime: () => void): Source {
  try {
    return openMapped(kernel, asked.name, asked.writable, (control) => load(kernel, control, asked), inTime);
  } finally {
    asked.key.fill(0);
  }
}

function load(kernel: Addon, control: number, { name, data, table, key, writable }: CryptDevice): void {
  // The device keeps the loop device; without it that ends with this.
  using loop = makeLoop(kernel, data.fd, !writable, data.range);
  const serial = kernel.addThreadKey('logon', keyName(name), key);
  try {
    const parameters = cryptParameters(table, loop.path, { name, size: key.length });
    kernel.dmLoad(control, name, cryptSectors(table), cryptTarget.name, parameters, !writable);
  } finally {
    kernel.unlinkThreadKey(serial);
  }
}
