/**
 * The front of a LUKS2 volume (LUKS2 On-Disk Format Specification 1.1.2): two copies of a binary header with a JSON area behind each.
 * The newer of the copies that are sound counts.
 */
import { createHash } from 'node:crypto';
import { PosternError } from '../../mesh/errors.ts';
import { allZero, equalBytes, getUint64, printable, textUntilNul, toHex, viewOf } from '../bytes.ts';
import { inside, type Reader } from '../reader.ts';
import { parseMetadata } from './metadata.ts';
import { broken } from './refusals.ts';
import { type LuksVolume, magic, magicBytes } from './volume.ts';

const backupMagic = '534b554cbabe';

/** The binary header; what is in use of it fits a sector. */
const binaryBytes = 4096;
const checksumAt = 448;
const checksumBytes = 64;
/** Of the binary header with its JSON area: what the specification lists, and nothing else. */
const headerSizes: readonly number[] = Array.from({ length: 9 }, (_, power) => 16384 << power);
const checksums: ReadonlyMap<string, number> = new Map([
  ['sha256', 32],
  ['sha512', 64],
]);

/** One copy. */
interface Header {
  readonly size: number;
  /** grows with each change of the metadata */
  readonly sequence: number;
  readonly algorithm: string;
  readonly checksum: Uint8Array;
}

type Copy = { readonly sequence: number; readonly volume: LuksVolume };

/**
 * Reads the copies.
 * @throws PosternError LUKS_HEADER where neither is sound, LUKS_UNSUPPORTED where one is that we don't open
 */
export async function readVersion2(reader: Reader): Promise<LuksVolume> {
  const first = await attempt(() => readCopy(reader, 0));
  if ('copy' in first) {
    const second = await attempt(() => readCopy(reader, first.copy.size));
    return 'copy' in second && second.copy.sequence > first.copy.sequence ? second.copy.volume : first.copy.volume;
  }
  for (const offset of headerSizes) {
    const second = await attempt(() => readCopy(reader, offset));
    if ('copy' in second) return second.copy.volume;
  }
  throw first.refusal;
}

/** A copy that is not sound leaves the other; one that is, and asks for what we don't do, has the last word. */
async function attempt<T>(read: () => Promise<T>): Promise<{ readonly copy: T } | { readonly refusal: PosternError }> {
  try {
    return { copy: await read() };
  } catch (thrown) {
    if (thrown instanceof PosternError && ['LUKS_HEADER', 'IMAGE_TOO_SHORT'].includes(thrown.code)) return { refusal: thrown };
    throw thrown;
  }
}

async function readCopy(reader: Reader, offset: number): Promise<Copy & { readonly size: number }> {
  if (!inside(offset, binaryBytes, reader.size)) throw broken('it is cut short');
  const { size, sequence, algorithm, checksum } = parseBinary(await reader.read(offset, binaryBytes), offset);
  if (!inside(offset, size, reader.size)) throw broken('it is cut short');
  const whole = await reader.read(offset, size);
  whole.fill(0, checksumAt, checksumAt + checksumBytes);
  if (!equalBytes(createHash(algorithm).update(whole).digest(), checksum)) throw broken('its checksum does not fit');
  return { size, sequence, volume: parseMetadata(whole.subarray(binaryBytes), size, reader.size) };
}

/** Numbers in here are big-endian. */
function parseBinary(bytes: Uint8Array, offset: number): Header {
  const view = viewOf(bytes);
  if (toHex(bytes.subarray(0, magicBytes)) !== (offset === 0 ? magic : backupMagic)) throw broken('it has no magic number');
  if (view.getUint16(magicBytes) !== 2) throw broken('its version is unknown');
  const size = getUint64(view, 8, false);
  if (!headerSizes.includes(size) || (offset !== 0 && size !== offset)) throw broken('its size is impossible');
  if (getUint64(view, 256, false) !== offset) throw broken('it lies in the wrong place');
  const sequence = getUint64(view, 16, false);
  if (!Number.isSafeInteger(sequence)) throw broken('its sequence number is impossible');
  const algorithm = textUntilNul(bytes.subarray(72, 104));
  const length = checksums.get(algorithm);
  if (length === undefined) throw broken(`its checksum is of an unknown kind: ${printable(algorithm, 32)}`);
  const field = bytes.subarray(checksumAt, checksumAt + checksumBytes);
  if (!allZero(field.subarray(length))) throw broken('its checksum is longer than its kind');
  return { size, sequence, algorithm, checksum: field.slice(0, length) };
}
