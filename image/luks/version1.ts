/**
 * The front of a LUKS1 volume (LUKS On-Disk Format Specification 1.2.3): one binary header with eight keyslots. It has no second copy and no
 * checksum, so what is damaged may well be sound to look at, and then no password opens it. Its one hash and one cipher serve all of it.
 */
import { printable, roundUp, textUntilNul, viewOf } from '../bytes.ts';
import { inside, type Reader } from '../reader.ts';
import { broken, unsupported } from './refusals.ts';
import { cipher, hashOf, type Keyslot, keySizes, type LuksHash, type LuksVolume, maxStripes, type Segment, sectorBytes } from './volume.ts';

const headerBytes = 592;
const keyslotsAt = 208;
const keyslotBytes = 48;
const maxKeyslots = 8;
const enabled = 0x00ac71f3;
const disabled = 0x0000dead;
/** Those that the specification names, but for RIPEMD-160. */
const hashes: readonly LuksHash[] = ['sha1', 'sha256', 'sha512'];

/** What holds for all keyslots. */
interface Common {
  readonly hash: LuksHash;
  readonly keySize: number;
  /** where the encrypted data begin, and keyslots have to end */
  readonly end: number;
}

/**
 * Reads the header. Numbers in it are big-endian.
 * @throws PosternError LUKS_HEADER, LUKS_UNSUPPORTED
 */
export async function readVersion1(reader: Reader): Promise<LuksVolume> {
  if (!inside(0, headerBytes, reader.size)) throw broken('it is cut short');
  const bytes = await reader.read(0, headerBytes);
  const view = viewOf(bytes);
  const named = `${textUntilNul(bytes.subarray(8, 40))}-${textUntilNul(bytes.subarray(40, 72))}`;
  if (named !== cipher) throw unsupported(`its cipher is ${printable(named, 64)}, not ${cipher}`);
  const hash = hashOf(textUntilNul(bytes.subarray(72, 104)), hashes);
  const keySize = view.getUint32(108);
  if (!keySizes.includes(keySize)) throw unsupported(`it has a key of ${keySize} bytes`);
  const segment = segmentOf(view.getUint32(104), reader.size);
  const common = { hash, keySize, end: segment.offset };
  return {
    segment,
    digest: { hash, iterations: iterationsOf(view, 164), salt: bytes.slice(132, 164), digest: bytes.slice(112, 132) },
    keyslots: Array.from({ length: maxKeyslots }, (_, number) => {
      const at = keyslotsAt + number * keyslotBytes;
      return keyslotOf(bytes.subarray(at, at + keyslotBytes), number, common);
    }).filter((keyslot) => keyslot !== undefined),
  };
}

/** All that follows, since the header says no size. */
function segmentOf(payloadOffset: number, volumeSize: number): Segment {
  if (payloadOffset === 0) throw unsupported('its header is detached from its data');
  const offset = payloadOffset * sectorBytes;
  const rest = volumeSize - offset;
  const size = rest - (rest % sectorBytes);
  if (offset < headerBytes || size <= 0) throw broken('its data lie in the wrong place');
  return { offset, size, sectorSize: sectorBytes, tweak: 0 };
}

/** Undefined for one that is not in use: what else it says counts for nothing. */
function keyslotOf(bytes: Uint8Array, number: number, { hash, keySize, end }: Common): Keyslot | undefined {
  const view = viewOf(bytes);
  const state = view.getUint32(0);
  if (state === disabled) return undefined;
  if (state !== enabled) throw broken(`keyslot ${number} is neither enabled nor disabled`);
  const stripes = view.getUint32(44);
  if (stripes === 0 || stripes > maxStripes) throw broken(`keyslot ${number} has ${stripes} stripes`);
  const offset = view.getUint32(40) * sectorBytes;
  const size = roundUp(keySize * stripes, sectorBytes);
  if (offset < headerBytes || !inside(offset, size, end)) throw broken(`keyslot ${number} lies in the wrong place`);
  return {
    number,
    keySize,
    stripes,
    hash,
    area: { offset, size, keySize },
    derivation: { type: 'pbkdf2', hash, iterations: iterationsOf(view, 4), salt: bytes.slice(8, 40) },
  };
}

function iterationsOf(view: DataView, at: number): number {
  const iterations = view.getUint32(at);
  if (iterations === 0) throw broken('it asks for no iterations');
  return iterations;
}
