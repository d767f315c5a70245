/** What trying a password may take. The volume's maker chose the cost, so it is added up before anything is begun. Pure. */
import type { KeyDerivation, KeyDigest, LuksVolume } from '../../../image/luks/volume.ts';
import { PosternError } from '../../../mesh/errors.ts';

/**
 * Over all keyslots, which is what a wrong password costs: four of what `cryptsetup luksFormat` makes at most by default (1 GiB, four
 * passes). A pass over 1 GiB took 3.3 s on a small, busy machine.
 */
const passesOverTheMost = 16;
/** The same for PBKDF2: twice what the quickest machines do in the two seconds that `cryptsetup` aims at. 24 s on that machine. */
const maxIterations = 2 ** 25;
const kibibyte = 1024;

/**
 * @param maxMemory bytes that one keyslot may take
 * @throws PosternError LUKS_COST
 */
export function checkCost({ keyslots, digest }: LuksVolume, maxMemory: number): void {
  const derivations = keyslots.map(({ derivation }) => derivation);
  for (const derivation of derivations)
    if (memoryOf(derivation) > maxMemory)
      throw tooDear(`a keyslot takes ${inMebibytes(memoryOf(derivation))}, and ${inMebibytes(maxMemory)} are allowed`);
  const filled = sum(derivations.map((derivation) => (derivation.type === 'pbkdf2' ? 0 : derivation.passes * memoryOf(derivation))));
  if (filled > passesOverTheMost * maxMemory) throw tooDear('its keyslots take too many passes over their memory');
  // whether a keyslot gave the key, its digest tells
  const iterations = sum(derivations.map((derivation) => iterationsOf(derivation) + weighted(digest)));
  if (iterations > maxIterations) throw tooDear('it asks for too many iterations');
}

/** In bytes. */
export function memoryOf(derivation: KeyDerivation): number {
  return derivation.type === 'pbkdf2' ? 0 : derivation.memory * kibibyte;
}

function iterationsOf(derivation: KeyDerivation): number {
  return derivation.type === 'pbkdf2' ? weighted(derivation) : 0;
}

/** With SHA-1 they count twice: four of its digests make a key of 64 bytes, two of SHA-256 do, and one takes no less time than the other. */
function weighted({ hash, iterations }: Pick<KeyDigest, 'hash' | 'iterations'>): number {
  return hash === 'sha1' ? 2 * iterations : iterations;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

export function inMebibytes(bytes: number): string {
  return `${Math.ceil(bytes / kibibyte ** 2)} MiB`;
}

function tooDear(detail: string): PosternError {
  return new PosternError('LUKS_COST', detail);
}
