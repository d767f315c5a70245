/**
 * Whether an image lies where only root can have put it. What a path says of an open file is the word of whoever arranged the mounts, so
 * that the name serves only to look the file up; it is there where the very inode is found under it.
 */
import { lstatSync, statSync } from 'node:fs';
import type { Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';

/** Write bits of the group and of everybody. An ACL that lets anybody else write shows in the group's. */
const othersMayWrite = 0o022n;

/** @param name what the image is called there, if it is there */
export function liesIn(directory: string, name: string, image: Descriptor): boolean {
  const { type, device, inode } = native.describe(image.fd);
  if (type !== 'regular' || !isRootsAlone(statSync(directory, { bigint: true }))) return false;
  const found = lstatSync(`${directory}/${name}`, { bigint: true, throwIfNoEntry: false });
  // The owner is that of this look, not of the descriptor, which may have come through a mount that shifts owners.
  return found?.isFile() === true && found.dev === device && found.ino === inode && isRootsAlone(found);
}

function isRootsAlone({ uid, mode }: { readonly uid: bigint; readonly mode: bigint }): boolean {
  return uid === 0n && (mode & othersMayWrite) === 0n;
}
