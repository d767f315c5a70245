/** A dm-verity device over the caller's own file: nothing is copied, and the kernel checks every block whenever it is read. */
import { PosternError } from '../../../mesh/errors.ts';
import { type Addon, isSystemError } from '../../../native/index.ts';
import { type FilePart, makeLoop } from './loop.ts';
import { openMapped, type Target, tryTable } from './mapped-device.ts';
import type { Source } from './source.ts';
import { type VeritySource, type VerityTable, verityParameters, veritySectors } from './verity-table.ts';

/** Every version that has what we use: signatures it refuses by itself where it knows none. */
export const verityTarget: Target = { name: 'verity', since: [1, 0, 0] };

/** What the kernel says to a signature. Fails closed: only an unknown signer may still be one that a certificate vouches for. */
const refusals: Readonly<Record<'unknown' | 'undecided' | 'broken', readonly string[]>> = {
  /** in none of its keyrings */
  unknown: ['ENOKEY'],
  /** its own verifier lacks the algorithm, or it has none at all (CONFIG_DM_VERITY_VERIFY_ROOTHASH_SIG) */
  undecided: ['ENOPKG', 'EINVAL'],
  /** of another root hash, not a signature at all, or by a key that is on its blacklist */
  broken: ['EKEYREJECTED', 'EBADMSG', 'EKEYREVOKED', 'EKEYEXPIRED'],
};

export interface VerityDevice {
  readonly name: string;
  readonly data: FilePart;
  readonly hash: FilePart;
  readonly table: VerityTable;
  /** detached PKCS#7 over the root hash for the kernel's keyrings; null where the kernel is not asked */
  readonly signature: Uint8Array | null;
  /** a certificate of the operator's made the signature: a kernel that does not know the signer has no last word */
  readonly trusted: boolean;
}

/** What verity planned, over open files. */
export function verityDevice(source: VeritySource, name: string, data: number, hash: number): VerityDevice {
  return {
    name,
    data: { fd: data, range: { offset: source.dataOffset, sizeLimit: source.dataSize } },
    hash: { fd: hash, range: { offset: source.hashOffset, sizeLimit: source.hashSize } },
    table: source,
    signature: source.signature,
    trusted: source.trusted,
  };
}

/**
 * Has the kernel judge the signature, and puts the device away again.
 * @throws PosternError SIGNER_UNKNOWN, SIGNATURE_INVALID; SystemError for anything else that the kernel refuses
 */
export function tryVerityTable(kernel: Addon, asked: VerityDevice): void {
  tryTable(kernel, asked.name, (control) => load(kernel, control, asked));
}

/**
 * The device, shared or made.
 * @throws PosternError SIGNER_UNKNOWN, SIGNATURE_INVALID, TIMED_OUT; SystemError for anything else that the kernel refuses
 */
export function openVerityDevice(kernel: Addon, asked: VerityDevice, inTime: () => void): Source {
  return openMapped(kernel, asked.name, false, (control) => load(kernel, control, asked), inTime);
}

function load(kernel: Addon, control: number, asked: VerityDevice): void {
  // The device keeps the loop devices; without it they end with these.
  using data = makeLoop(kernel, asked.data.fd, true, asked.data.range);
  using hash = makeLoop(kernel, asked.hash.fd, true, asked.hash.range);
  const loadWith = (key: string | null) =>
    kernel.dmLoad(
      control,
      asked.name,
      veritySectors(asked.table),
      verityTarget.name,
      verityParameters(asked.table, data.path, hash.path, key),
      true,
    );
  if (asked.signature === null) {
    translated(() => loadWith(null));
    return;
  }
  const key = kernel.addThreadKey('user', asked.name, asked.signature);
  try {
    translated(() => loadWith(asked.name));
  } catch (error) {
    if (!asked.trusted || !mayFallBack(error)) throw error;
    translated(() => loadWith(null));
  } finally {
    kernel.unlinkThreadKey(key);
  }
}

function mayFallBack(error: unknown): boolean {
  if (error instanceof PosternError) return error.code === 'SIGNER_UNKNOWN';
  return isSystemError(error) && refusals.undecided.includes(error.code);
}

function translated(step: () => void): void {
  try {
    step();
  } catch (error) {
    const code = isSystemError(error) ? error.code : '';
    if (refusals.unknown.includes(code)) throw new PosternError('SIGNER_UNKNOWN', "the signer's key is in none of the kernel's keyrings");
    if (refusals.broken.includes(code)) throw new PosternError('SIGNATURE_INVALID', `the kernel refused it with ${code}`);
    throw error;
  }
}
