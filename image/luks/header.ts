/** Which version of LUKS begins here; each tells of the same volume in its own way. Nothing here needs the password, and nothing large is read. */
import { toHex, viewOf } from '../bytes.ts';
import type { Reader } from '../reader.ts';
import { broken } from './refusals.ts';
import { readVersion1 } from './version1.ts';
import { readVersion2 } from './version2.ts';
import { type LuksVolume, magic, magicBytes } from './volume.ts';

/** Both versions have their number behind the magic, big-endian. */
const frontBytes = magicBytes + 2;

/** Whether a volume of any version begins here. */
export async function isLuks(reader: Reader): Promise<boolean> {
  return reader.size >= frontBytes && toHex(await reader.read(0, magicBytes)) === magic;
}

/**
 * What a volume says of itself, within bounds.
 * @throws PosternError LUKS_HEADER where it is not sound, LUKS_UNSUPPORTED where it is one that we don't open
 */
export async function readLuks(reader: Reader): Promise<LuksVolume> {
  if (!(await isLuks(reader))) throw broken('it has no magic number');
  const version = viewOf(await reader.read(0, frontBytes)).getUint16(magicBytes);
  if (version === 1) return readVersion1(reader);
  if (version === 2) return readVersion2(reader);
  throw broken('its version is unknown');
}
