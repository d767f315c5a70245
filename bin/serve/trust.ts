/** Folders of certificates: whether the service that reads them, which is not root, really can. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
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
