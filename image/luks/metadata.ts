/** The JSON area of a LUKS2 volume: its one encrypted segment, the keyslots that lead to its key, and the digest by which that is known. */
import * as v from 'valibot';
import { allZero, fromBase64, printable } from '../bytes.ts';
import { jsonDepth } from '../json-guard.ts';
import { inside } from '../reader.ts';
import { broken, unsupported } from './refusals.ts';
import {
  cipher,
  hashOf,
  type KeyDerivation,
  type Keyslot,
  keySizes,
  type LuksHash,
  type LuksVolume,
  maxStripes,
  type Segment,
  sectorBytes,
} from './volume.ts';

/** Of the text; the 32 keyslots that a volume can have take a tenth of it. */
const maxTextBytes = 256 * 1024;
/** The objects that the specification names are five levels deep; room for tokens of others. */
const maxDepth = 16;
const maxKeyslots = 32;
const maxSaltBytes = 256;
/** Areas are whole blocks of 4096 bytes (specification, 2.2). */
const areaAlignment = 4096;

const hashes: readonly LuksHash[] = ['sha256', 'sha512'];

const decimal = v.pipe(
  v.string(),
  v.regex(/^(?:0|[1-9]\d{0,15})$/),
  v.transform((text) => Number(text)),
  v.safeInteger(),
);
const count = (least: number, most: number) => v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
const uint32 = count(1, 0xffff_ffff);
const binary = (least: number, most: number) =>
  v.pipe(
    v.string(),
    v.maxLength(Math.ceil(most / 3) * 4),
    v.transform((text) => fromBase64(text) ?? new Uint8Array()),
    v.check((bytes) => bytes.length >= least && bytes.length <= most),
  );
const salt = binary(8, maxSaltBytes);
const id = v.pipe(v.string(), v.regex(/^(?:0|[1-9]\d?)$/));
const ids = v.pipe(v.array(id), v.maxLength(maxKeyslots));
const table = <S extends v.GenericSchema>(of: S) => v.record(id, of);

const derivation = v.variant('type', [
  v.object({ type: v.literal('pbkdf2'), hash: v.string(), iterations: uint32, salt }),
  v.object({ type: v.picklist(['argon2i', 'argon2id']), time: uint32, memory: uint32, cpus: count(1, 255), salt }),
]);
const keyslot = v.object({
  type: v.string(),
  key_size: count(1, 512),
  priority: v.optional(count(0, 2), 1),
  af: v.object({ type: v.literal('luks1'), stripes: count(1, maxStripes), hash: v.string() }),
  area: v.object({ type: v.literal('raw'), offset: decimal, size: decimal, encryption: v.string(), key_size: count(1, 512) }),
  kdf: derivation,
});
const segment = v.object({
  type: v.string(),
  offset: decimal,
  size: v.union([v.literal('dynamic'), decimal]),
  iv_tweak: decimal,
  encryption: v.string(),
  sector_size: v.picklist([512, 1024, 2048, 4096]),
  integrity: v.optional(v.unknown()),
  flags: v.optional(v.array(v.string()), []),
});
const digest = v.object({
  type: v.literal('pbkdf2'),
  keyslots: ids,
  segments: ids,
  hash: v.string(),
  iterations: uint32,
  salt,
  digest: binary(16, 64),
});
const config = v.object({
  json_size: decimal,
  keyslots_size: decimal,
  requirements: v.optional(v.object({ mandatory: v.optional(v.array(v.string()), []) }), {}),
});
const metadata = v.object({
  keyslots: table(keyslot),
  segments: table(segment),
  digests: table(digest),
  config,
});
type Metadata = v.InferOutput<typeof metadata>;

/** What must be read before the shape is: it may say that the rest is of a kind that the shape does not know. */
const kinds = v.object({
  segments: table(v.object({ type: v.string(), encryption: v.optional(v.string(), cipher), integrity: v.optional(v.unknown()) })),
  config: v.object({ requirements: v.optional(v.object({ mandatory: v.optional(v.array(v.string()), []) }), {}) }),
});

/**
 * Reads the JSON area.
 * @param headerSize bytes of one copy of the header, and so where the area of keyslots begins: behind two
 * @param volumeSize all there is, in bytes
 * @throws PosternError LUKS_HEADER, LUKS_UNSUPPORTED
 */
export function parseMetadata(area: Uint8Array, headerSize: number, volumeSize: number): LuksVolume {
  const json = parseJson(area);
  refuseOtherKinds(json);
  const parsed = v.safeParse(metadata, json);
  if (!parsed.success) throw broken(`its metadata: ${printable(v.getDotPath(parsed.issues[0]) ?? 'no object', 64)}`);
  const { config, segments, digests, keyslots } = parsed.output;
  if (config.json_size !== area.length) throw broken('its metadata has another size than it says');
  const keysBegin = 2 * headerSize;
  const keysEnd = keysBegin + config.keyslots_size;
  const [[name, raw] = []] = Object.entries(segments);
  if (name === undefined || raw === undefined) throw broken('it has no segment');
  const found = segmentOf(raw, keysEnd, volumeSize);
  const of = Object.values(digests).filter(({ segments }) => segments.includes(name));
  const [known] = of;
  if (known === undefined || of.length !== 1) throw broken('its segment has not one digest');
  return {
    segment: found,
    digest: { hash: hashOf(known.hash, hashes), iterations: known.iterations, salt: known.salt, digest: known.digest },
    keyslots: keyslotsOf(keyslots, known.keyslots, keysBegin, keysEnd),
  };
}

function refuseOtherKinds(json: unknown): void {
  const parsed = v.safeParse(kinds, json);
  if (!parsed.success) throw broken(`its metadata: ${printable(v.getDotPath(parsed.issues[0]) ?? 'no object', 64)}`);
  const { segments, config } = parsed.output;
  const [required] = config.requirements.mandatory;
  if (required !== undefined) throw unsupported(`it asks for ${printable(required, 64)}`);
  const all = Object.values(segments);
  if (all.length > 1) throw unsupported('it has several segments, as while it is encrypted anew');
  for (const { type, encryption, integrity } of all) {
    if (type !== 'crypt') throw unsupported(`a segment of type ${printable(type, 32)}`);
    if (integrity !== undefined) throw unsupported('its segment has integrity tags');
    if (encryption !== cipher) throw unsupported(`its cipher is ${printable(encryption, 64)}, not ${cipher}`);
  }
}

function segmentOf({ offset, size, sector_size, iv_tweak }: Metadata['segments'][string], keysEnd: number, volumeSize: number): Segment {
  if (offset < keysEnd || offset >= volumeSize || offset % sector_size !== 0) throw broken('its segment lies in the wrong place');
  const rest = volumeSize - offset;
  const bytes = size === 'dynamic' ? rest - (rest % sector_size) : size;
  if (bytes <= 0 || bytes % sector_size !== 0 || !inside(offset, bytes, volumeSize)) throw broken('its segment reaches beyond the volume');
  if (!Number.isSafeInteger(iv_tweak + bytes / sectorBytes)) throw broken("its segment's tweak is impossible");
  return { offset, size: bytes, sectorSize: sector_size, tweak: iv_tweak };
}

/** By priority, then by number; what has the lowest is not tried without being asked for. */
function keyslotsOf(all: Metadata['keyslots'], wanted: readonly string[], begin: number, end: number): Keyslot[] {
  const named = wanted.map((name) => {
    const slot = Object.hasOwn(all, name) ? all[name] : undefined;
    if (slot === undefined) throw broken(`its digest names keyslot ${name}, which there is not`);
    return { slot, number: Number(name) };
  });
  return named
    .filter(({ slot }) => slot.type === 'luks2' && slot.priority > 0)
    .toSorted((a, b) => b.slot.priority - a.slot.priority || a.number - b.number)
    .map(({ slot, number }) => keyslotOf(slot, number, begin, end));
}

function keyslotOf({ key_size, af, area, kdf }: Metadata['keyslots'][string], number: number, begin: number, end: number): Keyslot {
  if (area.encryption !== cipher) throw unsupported(`keyslot ${number} is encrypted with ${printable(area.encryption, 64)}`);
  for (const size of [key_size, area.key_size])
    if (!keySizes.includes(size)) throw unsupported(`keyslot ${number} has a key of ${size} bytes`);
  const lies = area.offset >= begin && area.offset % areaAlignment === 0 && inside(area.offset, area.size, end);
  if (!lies || area.size < af.stripes * key_size) throw broken(`keyslot ${number} lies in the wrong place`);
  return {
    number,
    keySize: key_size,
    stripes: af.stripes,
    hash: hashOf(af.hash, hashes),
    area: { offset: area.offset, size: area.size, keySize: area.key_size },
    derivation: derivationOf(kdf),
  };
}

function derivationOf(kdf: Metadata['keyslots'][string]['kdf']): KeyDerivation {
  if (kdf.type === 'pbkdf2') return { type: kdf.type, hash: hashOf(kdf.hash, hashes), iterations: kdf.iterations, salt: kdf.salt };
  const { type, time, memory, cpus, salt } = kdf;
  // RFC 9106, 3.1: eight blocks of 1 KiB for each lane
  if (memory < 8 * cpus) throw broken('a keyslot takes too little memory');
  return { type, passes: time, memory, lanes: cpus, salt };
}

function parseJson(area: Uint8Array): unknown {
  const end = area.indexOf(0);
  const text = end < 0 ? area : area.subarray(0, end);
  if (text.length > maxTextBytes) throw broken('its metadata is longer than 256 KiB');
  if (end >= 0 && !allZero(area.subarray(end))) throw broken('something follows its metadata');
  if (jsonDepth(text, maxDepth) > maxDepth) throw broken('its metadata is nested too deep');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch {
    throw broken('its metadata is not JSON');
  }
}
