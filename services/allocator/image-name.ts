/** What an image is called, for the reply: the gateway, which hears the call, can look at no path. */
import { readlinkSync } from 'node:fs';
import type { Descriptor } from '../../mesh/descriptors.ts';

/** NAME_MAX */
const maxName = 255;

/** The base name of the caller's own file; null for what has none (memory, a file that was deleted). */
export function imageNameOf(path: string): string | null {
  if (!path.startsWith('/') || path.startsWith('/memfd:') || path.endsWith(' (deleted)')) return null;
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name === '' || name.length > maxName ? null : name;
}

/** By the kernel's word about the descriptor, since 2.2: /proc/self/fd. */
export function imageName(image: Descriptor): string | null {
  return imageNameOf(readlinkSync(`/proc/self/fd/${image.fd}`));
}
