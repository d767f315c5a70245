/** What a volume says of itself, as far as opening it goes, and what the two versions of LUKS have in common in saying it. */
import { printable } from '../bytes.ts';
import { unsupported } from './refusals.ts';

export const magic = '4c554b53babe';
export const magicBytes = 6;
/** The one that is opened, of data and of keyslots. */
export const cipher = 'aes-xts-plain64';
/** Of a volume's key, in bytes: two keys of AES-128 or of AES-256. */
export const keySizes: readonly number[] = [32, 64];
/** What every program writes, and what the specification of LUKS2 has as its example. More would only make reading it dear. */
export const maxStripes = 4000;
/** What sectors are counted in, whatever the size that they are encrypted by. */
export const sectorBytes = 512;

/** How long their digests are. */
export const digestBytes = { sha1: 20, sha256: 32, sha512: 64 } as const;
/** LUKS1 is opened with any of them, since until 1.7 `cryptsetup` took SHA-1 by default; LUKS2 with the last two. */
export type LuksHash = keyof typeof digestBytes;

/** How a password becomes the key of a keyslot. */
export type KeyDerivation =
  | { readonly type: 'pbkdf2'; readonly hash: LuksHash; readonly iterations: number; readonly salt: Uint8Array }
  | {
      readonly type: 'argon2i' | 'argon2id';
      readonly passes: number;
      /** in KiB */
      readonly memory: number;
      readonly lanes: number;
      readonly salt: Uint8Array;
    };

/** The volume key, encrypted by a key that a password gives. */
export interface Keyslot {
  readonly number: number;
  /** of the volume key, in bytes */
  readonly keySize: number;
  /** anti-forensic: over how many pieces the key is spread, and by which hash */
  readonly stripes: number;
  readonly hash: LuksHash;
  /** where it lies in the volume, in bytes; and the size of the key that it is encrypted with */
  readonly area: { readonly offset: number; readonly size: number; readonly keySize: number };
  readonly derivation: KeyDerivation;
}

/** The encrypted data. */
export interface Segment {
  /** in the volume, in bytes */
  readonly offset: number;
  readonly size: number;
  readonly sectorSize: number;
  /** added to each sector's number, in units of 512 bytes */
  readonly tweak: number;
}

/** PBKDF2 of the volume key. */
export interface KeyDigest {
  readonly hash: LuksHash;
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly digest: Uint8Array;
}

export interface LuksVolume {
  readonly segment: Segment;
  /** those that lead to the segment's key, in the order in which they are to be tried */
  readonly keyslots: readonly Keyslot[];
  readonly digest: KeyDigest;
}

/**
 * A hash that a volume names.
 * @throws PosternError LUKS_UNSUPPORTED
 */
export function hashOf(name: string, accepted: readonly LuksHash[]): LuksHash {
  const hash = accepted.find((known) => known === name);
  if (hash === undefined) throw unsupported(`its hash is ${printable(name, 32)}`);
  return hash;
}
