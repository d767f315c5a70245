/** Which images lie in a trusted directory: the very file, directly in it, where only root could have put it. */
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { imageName } from '../../services/allocator/image-name.ts';
import { liesIn } from '../../services/allocator/trusted-directories.ts';
import { isRoot } from './support/desk.ts';

const test = it.skipIf(!isRoot);
let folder: string;
let trusted: string;
let image: string;
beforeEach(() => {
  folder = mkdtempSync('/run/postern-trusted-');
  trusted = join(folder, 'trusted');
  image = join(trusted, 'app.raw');
  if (!isRoot) return;
  mkdirSync(trusted, { mode: 0o700 });
  writeFileSync(image, 'an image', { mode: 0o644 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const isTrusted = (path: string) => {
  using file = new Descriptor(openSync(path, 'r'));
  const name = imageName(file);
  return name !== null && liesIn(trusted, name, file);
};

test('a file of root’s, directly in it', () => {
  expect(isTrusted(image)).toBe(true);
});

test('not one that somebody else owns', () => {
  chownSync(image, 1000, 0);
  expect(isTrusted(image)).toBe(false);
});

test.each([0o664, 0o646, 0o622])('not one of mode %o', (mode) => {
  chmodSync(image, mode);
  expect(isTrusted(image)).toBe(false);
});

test('none where others may write in the directory itself', () => {
  chmodSync(trusted, 0o1777);
  expect(isTrusted(image)).toBe(false);
  chmodSync(trusted, 0o755);
  chownSync(trusted, 1000, 0);
  expect(isTrusted(image)).toBe(false);
});

test('not one in a folder below it', () => {
  mkdirSync(join(trusted, 'below'));
  renameSync(image, join(trusted, 'below/app.raw'));
  expect(isTrusted(join(trusted, 'below/app.raw'))).toBe(false);
});

test('not one that a link in it leads to', () => {
  const elsewhere = join(folder, 'app.raw');
  renameSync(image, elsewhere);
  symlinkSync(elsewhere, image);
  expect(isTrusted(image)).toBe(false);
});

test('not another file of the same name', () => {
  const elsewhere = join(folder, 'app.raw');
  writeFileSync(elsewhere, 'another image', { mode: 0o644 });
  expect(isTrusted(elsewhere)).toBe(false);
});

test('not one that was taken away, or replaced, since it was opened', () => {
  using file = new Descriptor(openSync(image, 'r'));
  writeFileSync(join(folder, 'new'), 'another image', { mode: 0o644 });
  renameSync(join(folder, 'new'), image);
  expect(liesIn(trusted, 'app.raw', file)).toBe(false);
  unlinkSync(image);
  expect(liesIn(trusted, 'app.raw', file)).toBe(false);
});

test('the file itself, through another name of it: it is as much root’s alone', () => {
  const second = join(folder, 'app.raw');
  linkSync(image, second);
  expect(isTrusted(second)).toBe(true);
});

test('not what a stranger mounted over it', () => {
  const evil = join(folder, 'evil');
  writeFileSync(evil, 'another image', { mode: 0o644 });
  using mount = new Descriptor(native.openTree(null, evil, 1));
  native.moveMount(mount.fd, image);
  using file = new Descriptor(openSync(image, 'r'));
  native.unmount(image, 2);
  expect(liesIn(trusted, 'app.raw', file)).toBe(false);
});

test('nothing that is no regular file', () => {
  using directory = new Descriptor(openSync(trusted, 'r'));
  expect(liesIn(folder, 'trusted', directory)).toBe(false);
});
