/** Whatever the bytes of LUKS1 say, reading them ends soon, within the volume, with a named refusal. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkCost } from '../../services/verity/unlock/cost.ts';
import { expectNothingOutside, outcome } from './outcome.ts';
import { dataOffset1, makeVolume } from './volumes.ts';

/** Where the specification has its numbers. */
const at = { payloadOffset: 104, keyBytes: 108, digestIterations: 164, keyslots: 208 } as const;
const keyslotBytes = 48;
const headerBytes = 592;
/** Within a keyslot; this one is in use. */
const inSlot = (field: number) => at.keyslots + keyslotBytes + field;
const slot = { state: inSlot(0), iterations: inSlot(4), offset: inSlot(40), stripes: inSlot(44) } as const;
const dataSector = dataOffset1 / 512;

let sound: Uint8Array;

beforeAll(() => {
  sound = makeVolume({ version: 1, password: 'x', content: new Uint8Array(8192), morePasswords: ['y'] }).bytes;
});

function withNumbers(numbers: ReadonlyMap<number, number>): Uint8Array {
  const bytes = sound.slice();
  for (const [offset, value] of numbers) new DataView(bytes.buffer).setUint32(offset, value);
  return bytes;
}
const withNumber = (offset: number, value: number) => withNumbers(new Map([[offset, value]]));

function withText(offset: number, text: string): Uint8Array {
  const bytes = sound.slice();
  bytes.fill(0, offset, offset + 32);
  bytes.set(Buffer.from(text), offset);
  return bytes;
}

describe('a sound header', () => {
  it('tells of its data and of the keyslots in use', async () => {
    expect(await outcome(sound)).toMatchObject({
      segment: { offset: dataOffset1, size: 8192, sectorSize: 512, tweak: 0 },
      keyslots: [
        { number: 0, keySize: 64, stripes: 4000, area: { offset: 4096, size: 256000, keySize: 64 } },
        { number: 1, keySize: 64, stripes: 4000 },
      ],
      digest: { hash: 'sha256', iterations: 1000 },
    });
  });

  it('may have keyslots that are not in use say anything', async () => {
    const offset = at.keyslots + 7 * keyslotBytes;
    const bytes = sound.slice();
    bytes.fill(0xff, offset + 4, offset + keyslotBytes);
    expect(await outcome(bytes)).toMatchObject({ keyslots: [{ number: 0 }, { number: 1 }] });
  });

  it('has room for less than a sector behind its data, which is left out', async () => {
    expect(await outcome(sound.subarray(0, sound.length - 1))).toMatchObject({ segment: { size: 8192 - 512 } });
  });
});

describe('a volume of a kind that is not opened', () => {
  const cases: Readonly<Record<string, () => Uint8Array>> = {
    'has another cipher': () => withText(8, 'serpent'),
    'has another mode': () => withText(40, 'cbc-essiv:sha256'),
    'has a mode that only begins so': () => withText(40, 'xts-plain64be'),
    'has a cipher without an end': () => withText(8, 'aes'.padEnd(64, 'x')),
    'has another hash': () => withText(72, 'ripemd160'),
    'has a hash that objects inherit': () => withText(72, 'constructor'),
    'has short keys': () => withNumber(at.keyBytes, 16),
    'has no key': () => withNumber(at.keyBytes, 0),
    'has a key of the size of a planet': () => withNumber(at.keyBytes, 0xffff_ffff),
    'has its header detached from its data': () => withNumber(at.payloadOffset, 0),
  };
  for (const [what, make] of Object.entries(cases)) it(what, async () => expect(await outcome(make())).toBe('LUKS_UNSUPPORTED'));
});

describe('a header that can not be', () => {
  const cases: Readonly<Record<string, readonly [number, number]>> = {
    'data over the header': [at.payloadOffset, 1],
    'data over the keys': [at.payloadOffset, 500],
    'data beyond the end': [at.payloadOffset, 0xffff_ffff],
    'data at the end': [at.payloadOffset, dataSector + 16],
    'a digest of no iterations': [at.digestIterations, 0],
    'a keyslot in no state': [slot.state, 0],
    'a keyslot of no iterations': [slot.iterations, 0],
    'keys over the header': [slot.offset, 0],
    'keys over the end of the header': [slot.offset, 1],
    'keys over the data': [slot.offset, dataSector - 499],
    'keys beyond the end': [slot.offset, 0xffff_ffff],
    'no stripes': [slot.stripes, 0],
    'more stripes than anybody makes': [slot.stripes, 4001],
    'stripes without end': [slot.stripes, 0xffff_ffff],
  };
  for (const [what, [offset, value]] of Object.entries(cases))
    it(`has ${what}`, async () => expect(await outcome(withNumber(offset, value))).toBe('LUKS_HEADER'));

  it('has data over the header, and no keyslot to be in their way', async () => {
    const disabled = [at.keyslots, slot.state].map((state) => [state, 0xdead] as const);
    expect(await outcome(withNumbers(new Map([...disabled, [at.payloadOffset, 1]])))).toBe('LUKS_HEADER');
    expect(await outcome(withNumbers(new Map(disabled)))).toMatchObject({ keyslots: [] });
  });

  it('is cut short', async () => {
    for (const length of [8, headerBytes - 1, headerBytes, dataOffset1, dataOffset1 + 511])
      expect(await outcome(sound.subarray(0, length)), `${length}`).toBe('LUKS_HEADER');
  });
});

describe('a volume that asks for too much', () => {
  const maxMemory = 2 ** 30;
  const costOf = async (numbers: ReadonlyMap<number, number>, hash = 'sha256') => {
    const bytes = withNumbers(numbers);
    bytes.fill(0, 72, 104);
    bytes.set(Buffer.from(hash), 72);
    const volume = await outcome(bytes);
    if (typeof volume === 'string') throw new Error(volume);
    checkCost(volume, maxMemory);
  };

  it('is refused before anything is begun', async () => {
    for (const offset of [slot.iterations, at.digestIterations])
      await expect(costOf(new Map([[offset, 0xffff_ffff]]))).rejects.toMatchObject({ code: 'LUKS_COST' });
  });

  /** What the second keyslot takes, and the digest with both. */
  const others = 1000 + 2 * 1000;

  it('counts what the digest takes with each keyslot', async () => {
    const most = 2 ** 25 - others;
    await expect(costOf(new Map([[slot.iterations, most]]))).resolves.toBeUndefined();
    await expect(costOf(new Map([[slot.iterations, most + 1]]))).rejects.toMatchObject({ code: 'LUKS_COST' });
  });

  it('is one with half of the iterations where its hash is SHA-1', async () => {
    const most = 2 ** 24 - others;
    await expect(costOf(new Map([[slot.iterations, most]]), 'sha1')).resolves.toBeUndefined();
    await expect(costOf(new Map([[slot.iterations, most + 1]]), 'sha1')).rejects.toMatchObject({ code: 'LUKS_COST' });
  });
});

describe('hostile bytes', () => {
  it('never lead outside, one bit changed anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(headerBytes * 8 - 1), async (bit) => {
        const bytes = sound.slice();
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await expectNothingOutside(bytes);
      }),
      { numRuns: 400 },
    );
  });

  it('never lead outside, any numbers put in the place of any others', async () => {
    const places = [at.payloadOffset, at.digestIterations, ...Object.values(slot), at.keyBytes];
    const sectors = fc.integer({ min: dataSector - 600, max: dataSector + 20 });
    const value = fc.oneof(fc.nat(8192), sectors, fc.integer({ min: 0, max: 0xffff_ffff }), fc.constantFrom(32, 64, 0x00ac71f3, 0xdead));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.constantFrom(...places.map(String)), value, { minKeys: 1 }), async (numbers) => {
        const bytes = withNumbers(new Map(Object.entries(numbers).map(([place, number]) => [Number(place), number])));
        await expectNothingOutside(bytes);
      }),
      { numRuns: 400 },
    );
  });

  it('are no volume when they are any others', async () => {
    const bytes = fc.uint8Array({ maxLength: 8192 });
    await fc.assert(
      fc.asyncProperty(bytes, async (rest) => {
        const read = await outcome(Buffer.concat([Buffer.from('LUKS\xba\xbe\0\x01', 'latin1'), rest]));
        expect(['LUKS_HEADER', 'LUKS_UNSUPPORTED']).toContain(read);
      }),
    );
  });
});
