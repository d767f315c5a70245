/** Whatever the bytes of LUKS2 say, reading them ends soon, within the volume, with a named refusal. */
import fc from 'fast-check';
import * as v from 'valibot';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectNothingOutside, outcome } from './outcome.ts';
import {
  withFields as changed,
  dataOffset,
  headerSize,
  makeVolume,
  metadataOf,
  paths,
  withText as rewritten,
  sealHeader,
} from './volumes.ts';

let sound: Uint8Array;
const withFields = (fields: Readonly<Record<string, unknown>>) => changed(sound, fields);
const withText = (text: string) => rewritten(sound, text);
const metadata = () => metadataOf(sound);

beforeAll(() => {
  sound = makeVolume({ password: 'x', content: new Uint8Array(8192), derivation: 'argon2id', morePasswords: ['y'] }).bytes;
});

describe('the two copies of a header', () => {
  it('stand in for each other', async () => {
    for (const offset of [0, headerSize]) {
      const bytes = sound.slice();
      bytes[offset + 5000] = (bytes[offset + 5000] ?? 0) ^ 1;
      expect(await outcome(bytes)).toMatchObject({ segment: { offset: dataOffset, size: 8192 } });
    }
  });

  it('are both needed to be broken before a volume is refused', async () => {
    const bytes = sound.slice();
    for (const offset of [5000, headerSize + 5000]) bytes[offset] = (bytes[offset] ?? 0) ^ 1;
    expect(await outcome(bytes)).toBe('LUKS_HEADER');
  });

  it('count by their sequence number: the newer is in force', async () => {
    const bytes = sound.slice();
    const newer = withFields({ 'digests.0.keyslots': ['1'] });
    bytes.set(newer.subarray(headerSize, 2 * headerSize), headerSize);
    new DataView(bytes.buffer).setBigUint64(headerSize + 16, 1000n);
    sealHeader(bytes, headerSize);
    expect(await outcome(bytes)).toMatchObject({ keyslots: [{ number: 1 }] });
  });
});

describe('a volume of a kind that is not opened', () => {
  const cases: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    'has integrity tags': { 'segments.0.integrity': { type: 'hmac(sha256)' } },
    'has another cipher': { 'segments.0.encryption': 'aes-cbc-essiv:sha256' },
    'has keyslots of another cipher': { 'keyslots.0.area.encryption': 'serpent-xts-plain64' },
    'is linear': { 'segments.0.type': 'linear' },
    'has several segments': { 'segments.1': { type: 'crypt' } },
    'requires something': { 'config.requirements': { mandatory: ['online-reencrypt'] } },
    'has a hash that is not strong': { 'digests.0.hash': 'sha1' },
    'has a keyslot of such a hash': { 'keyslots.0.af.hash': 'sha1' },
    'has short keys': { 'keyslots.0.key_size': 16 },
  };
  for (const [what, fields] of Object.entries(cases))
    it(what, async () => expect(await outcome(withFields(fields))).toBe('LUKS_UNSUPPORTED'));
});

describe('metadata that can not be', () => {
  const cases: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    'an area over the header': { 'keyslots.0.area.offset': '4096' },
    'an area beyond its own': { 'keyslots.0.area.offset': `${dataOffset}` },
    'an area of the size of a planet': { 'keyslots.0.area.size': '9007199254740991' },
    'more stripes than the area has room for': { 'keyslots.0.area.size': '4096' },
    'more stripes than anybody makes': { 'keyslots.0.af.stripes': 4001 },
    'a salt that is none': { 'keyslots.0.kdf.salt': '' },
    'no memory at all': { 'keyslots.0.kdf.memory': 7 },
    'a segment over the keys': { 'segments.0.offset': '32768' },
    'a segment beyond the end': { 'segments.0.offset': '9007199254740000' },
    'a segment that is longer than the volume': { 'segments.0.size': '16384' },
    'a segment of half a sector': { 'segments.0.size': '512', 'segments.0.sector_size': 4096 },
    'sectors of no power of two': { 'segments.0.sector_size': 1536 },
    'a tweak that overflows': { 'segments.0.iv_tweak': '9007199254740991' },
    'a number with a sign': { 'segments.0.offset': '-1' },
    'a digest of a keyslot that is not there': { 'digests.0.keyslots': ['7'] },
    'a digest of nothing': { digests: {} },
    'a name that objects inherit': { 'digests.0.keyslots': ['constructor'] },
    'another size': { 'config.json_size': '4096' },
  };
  for (const [what, fields] of Object.entries(cases))
    it(`has ${what}`, async () => expect(await outcome(withFields(fields))).toBe('LUKS_HEADER'));

  it('has two digests of one segment', async () => {
    const digest = v.parse(v.object({ digests: v.object({ 0: v.unknown() }) }), metadata()).digests[0];
    expect(await outcome(withFields({ 'digests.1': digest }))).toBe('LUKS_HEADER');
  });

  it('is nested without end', async () => expect(await outcome(withText('['.repeat(12_000)))).toBe('LUKS_HEADER'));
});

describe('hostile bytes', () => {
  it('never lead outside, one bit changed anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(2 * headerSize * 8 - 1), fc.boolean(), async (bit, sealed) => {
        const bytes = sound.slice();
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        if (sealed) for (const offset of [0, headerSize]) sealHeader(bytes, offset);
        await expectNothingOutside(bytes);
      }),
      { numRuns: 400 },
    );
  });

  it('never lead outside, any number or text put in the place of any other', async () => {
    const value = fc.oneof(
      fc.nat(),
      fc.double(),
      fc.constantFrom('0', '32768', '9007199254740993', '-1', 'dynamic', '', 'aes-xts-plain64', '00', '1e9', null, true, -1, 1e300),
      fc.array(fc.nat(), { maxLength: 3 }),
      fc.constant({}),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(), value, async (at, replacement) => {
        const all = paths(metadata());
        const bytes = withFields({ [all[at % all.length] ?? '']: replacement });
        await expectNothingOutside(bytes);
      }),
      { numRuns: 400 },
    );
  });

  it('are no volume when they are any others', async () => {
    const bytes = fc.uint8Array({ maxLength: 8192 });
    await fc.assert(
      fc.asyncProperty(bytes, async (rest) => {
        expect(await outcome(Buffer.concat([Buffer.from('LUKS\xba\xbe\0\x02', 'latin1'), rest]))).toBe('LUKS_HEADER');
      }),
    );
  });
});
