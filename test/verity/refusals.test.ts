/** Every image that must not be mounted, by the name of its refusal; each leaves nothing behind. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { typeOf } from '../../image/partition-types.ts';
import { architecture, fakeFileSystem, type MadeImage, makeImage, makeSigner, type Signer, signDocument } from '../image/images.ts';
import { editTables, entryOf, seal } from '../image/tables.ts';
import { Workbench } from './workbench.ts';

const dataBytes = 3 * 1024 * 1024;
let signer: Signer;
let stranger: Signer;
let sound: MadeImage;
let other: MadeImage;
let bench: Workbench;

beforeAll(async () => {
  signer = makeSigner('builder');
  stranger = makeSigner('stranger');
  sound = await makeImage({ data: fakeFileSystem(dataBytes), signer });
  other = await makeImage({ data: fakeFileSystem(dataBytes, 2), signer });
  bench = await Workbench.start({ certificates: [signer.certificate], store: { max_image_size: 2 * dataBytes } });
});
afterAll(() => bench.close());

/** The sound image with a change. */
function changed(change: (bytes: Uint8Array) => void): Uint8Array {
  const copy = Uint8Array.from(sound.bytes);
  change(copy);
  return copy;
}

const flip = (offset: () => number) => () =>
  changed((bytes) => {
    bytes[offset()] = (bytes[offset()] ?? 0) ^ 1;
  });

/** Where partition 2, the hash device, and partition 3, the signature, begin: each on the next whole mebibyte. */
const mebibyte = 1024 * 1024;
const treeAt = () => sound.dataOffset + Math.ceil(dataBytes / mebibyte) * mebibyte;
const documentAt = () => treeAt() + mebibyte;

function withDocument(text: string): Uint8Array {
  return changed((bytes) => {
    bytes.fill(0, documentAt(), documentAt() + 16384);
    bytes.set(Buffer.from(text), documentAt());
  });
}

const lastSector = (bytes: Uint8Array) => bytes.length - 512;
const typeFor = (designator: 'root' | 'root-verity' | 'root-verity-sig', machine = architecture) => typeOf(designator, machine) ?? '';
const otherMachine = architecture === 'arm64' ? 'x86-64' : 'arm64';

describe('an image is refused', () => {
  const cases: readonly [what: string, code: string, make: () => Promise<Uint8Array> | Uint8Array][] = [
    ['whose data was changed in its first block', 'VERITY_DATA', flip(() => sound.dataOffset)],
    ['whose data was changed in its last byte', 'VERITY_DATA', flip(() => sound.dataOffset + dataBytes - 1)],
    ['whose lowest level of hashes was changed', 'VERITY_TREE', flip(() => treeAt() + 2 * 4096)],
    ['whose highest level of hashes was changed', 'VERITY_TREE', flip(() => treeAt() + 4096)],
    ['whose salt was changed', 'VERITY_TREE', flip(() => treeAt() + 88)],
    ['whose verity superblock is none', 'VERITY_SUPERBLOCK', flip(() => treeAt())],
    ['whose hash is of a kind nobody knows', 'VERITY_SUPERBLOCK', flip(() => treeAt() + 32)],
    [
      'that claims fewer blocks than were signed',
      'VERITY_TREE',
      () => changed((bytes) => new DataView(bytes.buffer).setUint32(treeAt() + 72, dataBytes / 4096 - 1, true)),
    ],
    [
      'that claims more blocks than it has',
      'VERITY_SUPERBLOCK',
      () => changed((bytes) => new DataView(bytes.buffer).setUint32(treeAt() + 72, dataBytes / 4096 + 1, true)),
    ],
    [
      'whose signature was changed',
      'SIGNATURE_INVALID',
      async () => {
        const document = { ...(sound.document ?? signDocument(sound.rootHash, signer)) };
        const signature = Uint8Array.from(document.signature);
        signature[signature.length - 5] = (signature.at(-5) ?? 0) ^ 1;
        return (await makeImage({ data: fakeFileSystem(dataBytes), signer, document: () => ({ ...document, signature }) })).bytes;
      },
    ],
    [
      'whose signature is no PKCS#7',
      'SIGNATURE_INVALID',
      async () =>
        (await makeImage({ data: fakeFileSystem(dataBytes), signer, document: (made) => ({ ...made, signature: new Uint8Array(99) }) }))
          .bytes,
    ],
    [
      'whose signature, with a trusted name, is of another root hash',
      'SIGNATURE_INVALID',
      async () =>
        (
          await makeImage({
            data: fakeFileSystem(dataBytes),
            signer,
            document: (made) => ({ ...made, signature: signDocument(other.rootHash, signer).signature }),
          })
        ).bytes,
    ],
    [
      'with the signature document of another image',
      'SIGNATURE_OTHER_IMAGE',
      async () => (await makeImage({ data: fakeFileSystem(dataBytes), signer, document: (made) => other.document ?? made })).bytes,
    ],
    ['signed by a stranger', 'SIGNER_UNKNOWN', async () => (await makeImage({ data: fakeFileSystem(dataBytes), signer: stranger })).bytes],
    ['that is not signed', 'SIGNATURE_MISSING', async () => (await makeImage({ data: fakeFileSystem(dataBytes) })).bytes],
    ['without its hash tree', 'SIGNATURE_MISSING', () => editTables(sound.bytes, (table) => entryOf(table, 2).erase())],
    ['that is a bare file system', 'SIGNATURE_MISSING', () => fakeFileSystem(dataBytes)],
    ['whose signature document is nested 8,000 deep', 'SIGNATURE_DOCUMENT', () => withDocument('['.repeat(8000) + ']'.repeat(8000))],
    ['whose signature document is nested in objects', 'SIGNATURE_DOCUMENT', () => withDocument('{"rootHash":'.repeat(1000))],
    ['whose signature document is no JSON', 'SIGNATURE_DOCUMENT', () => withDocument('{"rootHash": nothing}')],
    ['whose signature document is followed by something', 'SIGNATURE_DOCUMENT', () => withDocument('{"rootHash":"","signature":""}\0x')],
    ['whose signature document has no signature', 'SIGNATURE_DOCUMENT', () => withDocument(`{"rootHash":"${'ab'.repeat(32)}"}`)],
    ['whose signature document is empty', 'SIGNATURE_DOCUMENT', () => withDocument('')],
    [
      'with overlapping partitions',
      'PARTITION_OVERLAP',
      () =>
        editTables(sound.bytes, (table) => {
          entryOf(table, 2).first = entryOf(table, 1).last;
        }),
    ],
    [
      'with a partition past its end',
      'PARTITION_BOUNDS',
      () =>
        editTables(sound.bytes, (table) => {
          entryOf(table, 3).last = 2 ** 40;
        }),
    ],
    [
      'with a partition that ends before it begins',
      'PARTITION_BOUNDS',
      () =>
        editTables(sound.bytes, (table) => {
          entryOf(table, 3).last = entryOf(table, 3).first - 1;
        }),
    ],
    ['with two roots', 'PARTITION_AMBIGUOUS', () => editTables(sound.bytes, (table) => entryOf(table, 3).setType(typeFor('root')))],
    [
      'for another machine',
      'ROOT_MISSING',
      () =>
        editTables(sound.bytes, (table) => {
          for (const [number, role] of [[1, 'root'] as const, [2, 'root-verity'] as const, [3, 'root-verity-sig'] as const])
            entryOf(table, number).setType(typeFor(role, otherMachine));
        }),
    ],
    [
      'whose root is not to be used automatically',
      'ROOT_MISSING',
      () => editTables(sound.bytes, (table) => entryOf(table, 1).setAttribute(63n)),
    ],
    [
      'with an entry count of 2^32-1, well sealed',
      'TABLE_ENTRIES',
      () => editTables(sound.bytes, ({ header }) => header.setUint32(80, 0xffff_ffff, true)),
    ],
    [
      'with an entry count of 2^32-1 in the primary table only',
      'TABLE_ENTRIES',
      () => changed((bytes) => new DataView(bytes.buffer).setUint32(512 + 80, 0xffff_ffff, true)),
    ],
    ['with entries of no size', 'TABLE_ENTRIES', () => editTables(sound.bytes, ({ header }) => header.setUint32(84, 0, true))],
    ['with entries of an odd size', 'TABLE_ENTRIES', () => editTables(sound.bytes, ({ header }) => header.setUint32(84, 130, true))],
    [
      'with both headers broken',
      'TABLE_BROKEN',
      () =>
        changed((bytes) => {
          bytes[512 + 50] = (bytes[512 + 50] ?? 0) ^ 1;
          bytes[lastSector(bytes) + 50] = (bytes[lastSector(bytes) + 50] ?? 0) ^ 1;
        }),
    ],
    [
      'with both headers erased',
      'TABLE_BROKEN',
      () =>
        changed((bytes) => {
          bytes.fill(0, 512, 1024);
          bytes.fill(0, lastSector(bytes));
        }),
    ],
    ['shorter than its table says', 'IMAGE_TOO_SHORT', () => sound.bytes.slice(0, sound.bytes.length - 4096)],
    ['that ends in the middle of its data', 'IMAGE_TOO_SHORT', () => sound.bytes.slice(0, sound.dataOffset + 100)],
    [
      'whose header claims a far end, well sealed',
      'IMAGE_TOO_SHORT',
      () =>
        changed((bytes) => {
          new DataView(bytes.buffer).setBigUint64(512 + 48, 2n ** 60n, true);
          seal(bytes.subarray(512, 1024));
        }),
    ],
    ['that is empty', 'IMAGE_NOT_RECOGNISED', () => new Uint8Array()],
    ['that is a few bytes', 'IMAGE_NOT_RECOGNISED', () => new Uint8Array(700)],
    ['that is nothing known', 'IMAGE_NOT_RECOGNISED', () => new Uint8Array(dataBytes).fill(0x5a)],
    [
      'whose signed data is no file system',
      'FILE_SYSTEM_UNKNOWN',
      async () => (await makeImage({ data: new Uint8Array(dataBytes).fill(0x5a), signer })).bytes,
    ],
    [
      'larger than the operator allows',
      'IMAGE_TOO_LARGE',
      async () => (await makeImage({ data: fakeFileSystem(3 * dataBytes), signer })).bytes,
    ],
  ];

  it.for(cases)('%s: %s', async ([, code, make]) => {
    const before = readdirSync('/proc/self/fd').length;
    expect(await bench.verdict(bench.write('image', await make()))).toBe(code);
    expect(readdirSync('/proc/self/fd').length).toBe(before);
    expect(bench.copies()).toEqual([]);
  });

  const wishes: readonly [what: string, code: string, options: Record<string, unknown>][] = [
    ['a policy that says otherwise', 'POLICY_DENIED', { imagePolicy: 'root=absent:=ignore' }],
    ['a policy that wants another file system', 'POLICY_DENIED', { imagePolicy: 'root=signed+ext4' }],
    ['a policy that nobody can read', 'POLICY_INVALID', { imagePolicy: 'root=signde' }],
    ['an option that gives something away', 'MOUNT_OPTION', { mountOptions: { root: 'nosuid,dev' } }],
    ['an option for a partition that is none', 'INVALID_PARAMETER', { mountOptions: { boot: 'nosuid' } }],
    ['a root hash without a signature', 'SIGNATURE_MISSING', { verityRootHash: 'ab'.repeat(32) }],
    ['a signature without a root hash', 'INVALID_PARAMETER', { verityRootHashSignature: 'AAAA' }],
    ['a root hash that is none', 'INVALID_PARAMETER', { verityRootHash: 'xyz', verityRootHashSignature: 'AAAA' }],
  ];
  it.for(wishes)('asked for with %s: %s', async ([, code, options]) => {
    expect(await bench.verdict(bench.write('image', sound.bytes), { options })).toBe(code);
    expect(bench.copies()).toEqual([]);
  });

  it('with a reason that says who signed it', async () => {
    const image = await makeImage({ data: fakeFileSystem(dataBytes), signer: stranger });
    const outcome = await bench.verify(bench.write('image', image.bytes));
    expect(outcome.failed?.detail).toContain('"stranger"');
  });
});

describe('an image is accepted', () => {
  const cases: readonly [what: string, make: () => Promise<Uint8Array> | Uint8Array][] = [
    ['that is sound', () => sound.bytes],
    ['whose primary table is erased, with a sound backup', () => changed((bytes) => bytes.fill(0, 512, 1024))],
    ['whose primary entries are damaged, with a sound backup', () => changed((bytes) => bytes.fill(1, 1024 + 256, 1024 + 260))],
    ['whose backup table is damaged', () => changed((bytes) => bytes.fill(0, lastSector(bytes)))],
    ['whose padding after the tree was changed', flip(() => treeAt() + sound.device.length)],
  ];
  it.for(cases)('%s', async ([, make]) => {
    expect(await bench.verdict(bench.write('image', await make()))).toBe('attached');
    await bench.settled();
    expect(bench.copies()).toHaveLength(1);
  });
});
