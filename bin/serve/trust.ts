/** What an operator trusts: folders of certificates, which a service that is not root must be able to read, and directories of images. */
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Logger } from '../../mesh/log.ts';
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';

const readableByAll = 0o004;
const enterableByAll = 0o005;

/** Refuses what is no folder, and warns of what could be overlooked. An empty folder is fine: it is read again whenever it changes. */
export function checkTrust(folder: string, log: Logger): void {
  const facts = statSync(folder, { throwIfNoEntry: false });
  if (facts?.isDirectory() !== true) {
    const why = facts === undefined ? 'it is not there' : 'it is not a folder';
    throw new Failure({ what: `--trust ${folder} can't be used`, why, next: 'name a folder of *.crt files', exitCode: exitCodes.noInput });
  }
  const advice = 'verity runs as a user of its own: let others read it';
  if ((facts.mode & enterableByAll) !== enterableByAll) log.warn({ folder }, `the folder of certificates may not be readable; ${advice}`);
  const certificates = readdirSync(folder).filter((name) => name.endsWith('.crt'));
  for (const name of certificates) {
    const file = join(folder, name);
    const { mode } = statSync(file, { throwIfNoEntry: false }) ?? { mode: 0 };
    if ((mode & readableByAll) === 0) log.warn({ file }, `the certificate may not be readable; ${advice}`);
  }
  log.info({ folder, certificates: certificates.length }, 'images of these signers are let in');
}

const writableByOthers = 0o022;

/**
 * Those of the directories of trusted images that are there. None may be where anybody but root could put it, or another in its place.
 * Once Postern has started they are known by themselves, not by their path.
 * @throws {Failure} that names the directory
 */
export function usableDirectories(directories: readonly string[], log: Logger): string[] {
  return directories.filter((directory) => {
    if (statSync(directory, { throwIfNoEntry: false }) === undefined) {
      log.info({ directory }, 'a directory of trusted images is not there');
      return false;
    }
    for (const path of wayTo(directory)) requireRootsOwn(path, directory);
    return true;
  });
}

/** The directory and all above it. */
function wayTo(directory: string): string[] {
  return directory === '/' ? ['/'] : [directory, ...wayTo(dirname(directory))];
}

function requireRootsOwn(path: string, directory: string): void {
  const why = whyNotRootsOwn(path);
  if (why === null) return;
  throw new Failure({
    what: `images in ${directory} can't be trusted`,
    why: `${path} ${why}`,
    next: 'name a directory that only root can write in, by its real path',
    exitCode: exitCodes.config,
  });
}

function whyNotRootsOwn(path: string): string | null {
  const facts = lstatSync(path);
  if (!facts.isDirectory()) return 'is not a directory';
  if (facts.uid !== 0) return `belongs to uid ${facts.uid}`;
  return (facts.mode & writableByOthers) === 0 ? null : 'may be written to by others';
}
