/** Digests of salted blocks, as one would make them one by one. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { native } from './parts/native.ts';

const algorithm = fc.constantFrom('sha256' as const, 'sha512' as const);

it('each block’s digest is that of the salt and the block', async () => {
  await fc.assert(
    fc.asyncProperty(
      algorithm,
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 0, max: 9 }),
      async (name, salt, blockSize, blocks) => {
        const data = new Uint8Array(blockSize * blocks).map((_, i) => (i * 31 + blocks) & 0xff);
        const expected = Array.from({ length: blocks }, (_, i) =>
          createHash(name)
            .update(salt)
            .update(data.subarray(i * blockSize, (i + 1) * blockSize))
            .digest(),
        );
        const digests = await native.hashBlocks(data, { algorithm: name, salt, blockSize });
        expect(Buffer.from(digests)).toEqual(Buffer.concat(expected));
      },
    ),
    { numRuns: 100 },
  );
});

it('a view into a larger buffer is hashed from where it begins', async () => {
  const whole = new Uint8Array(100).map((_, i) => i);
  const digests = await native.hashBlocks(whole.subarray(10, 74), { algorithm: 'sha256', salt: new Uint8Array(0), blockSize: 64 });
  expect(Buffer.from(digests)).toEqual(createHash('sha256').update(whole.subarray(10, 74)).digest());
});

it('what is no whole number of blocks is refused', () => {
  const parameters = { algorithm: 'sha256' as const, salt: new Uint8Array(0), blockSize: 4096 };
  expect(() => native.hashBlocks(new Uint8Array(4097), parameters)).toThrow('whole number of blocks');
  expect(() => native.hashBlocks(new Uint8Array(4096), { ...parameters, blockSize: 0 })).toThrow('whole number of blocks');
});

it('several run at once, and keep their bytes while nobody else does', async () => {
  const jobs = Array.from({ length: 20 }, (_, i) =>
    native.hashBlocks(new Uint8Array(1 << 20).fill(i), { algorithm: 'sha256', salt: new Uint8Array(32), blockSize: 4096 }),
  );
  const results = await Promise.all(jobs);
  for (const [i, digests] of results.entries()) {
    const first = createHash('sha256').update(new Uint8Array(32)).update(new Uint8Array(4096).fill(i)).digest();
    expect(Buffer.from(digests.subarray(0, 32))).toEqual(first);
    expect(digests).toHaveLength(((1 << 20) / 4096) * 32);
  }
});
