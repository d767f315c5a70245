/** The certification client of varlink's Python library, as Debian packages it, at hand without being installed. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { aptFor, cache, unpackPackages } from '../../lab/packages.mjs';

/** trixie's has no tests in it */
const suite = 'sid';
const packages = ['python3-varlink', 'python3-varlink-tests'];

/** Where a Debian system has Python's libraries. */
export const libraryIn = (root) => join(root, 'usr/lib/python3/dist-packages');

/** Fetches it, unless it was fetched before, and returns its folder. Throws where no mirror answers. */
export function fetchLibrary() {
  const folder = join(cache, 'tools/python3-varlink');
  if (!existsSync(folder)) {
    const work = `${folder}.new`;
    rmSync(work, { recursive: true, force: true });
    unpackPackages(packages, aptFor(suite), work);
    renameSync(work, folder);
  }
  return libraryIn(folder);
}
