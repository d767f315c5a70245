/** The name of an image in a reply. */
import { mkdtempSync, openSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Descriptor } from '../../mesh/descriptors.ts';
import { imageName, imageNameOf } from '../../services/allocator/image-name.ts';

it('is the base name of the file, as long as it has one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-name-'));
  try {
    const path = join(folder, 'hello.raw');
    writeFileSync(path, '');
    using image = new Descriptor(openSync(path, 'r'));
    expect(imageName(image)).toBe('hello.raw');
    unlinkSync(path);
    expect(imageName(image)).toBe(null);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('is none for what is no file of a folder', () => {
  for (const path of ['socket:[12]', '/memfd:x', '/', '']) expect(imageNameOf(path)).toBe(null);
});
