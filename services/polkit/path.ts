/** What a directory is called, for rules and for the person who is asked. By the kernel's word about the descriptor. */
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Descriptor } from '../../mesh/descriptors.ts';

/** @param child the name of a directory that it is to have; null for the directory itself */
export function pathOf(directory: Descriptor, child: string | null): string {
  // What is no UTF-8 is shown as such, and so is no path that any rule names.
  const path = readlinkSync(`/proc/self/fd/${directory.fd}`, 'buffer').toString('utf8');
  return child === null ? path : join(path, child);
}
