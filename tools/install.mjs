/**
 * Puts what runs, and nothing else, below a prefix: PREFIX/bin/postern and PREFIX/dist. For a checkout that other users can't reach,
 * as under /root, and for packages.
 *   node tools/install.mjs PREFIX
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { products } from './build.mjs';
import { step, stop } from './say.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const executables = ['launcher', 'helper', 'container'];

function copy(source, target, mode) {
  copyFileSync(source, target);
  chmodSync(target, mode);
}

/** Installs below a prefix and returns the path of its `postern`. */
export function install(prefix) {
  const dist = join(root, 'dist');
  if (!existsSync(join(dist, 'postern.mjs'))) stop('it is not built yet', 'npm run setup');
  for (const folder of ['', 'bin', 'dist']) {
    mkdirSync(join(prefix, folder), { recursive: true });
    chmodSync(join(prefix, folder), 0o755);
  }
  for (const name of products) copy(join(dist, name), join(prefix, 'dist', name), executables.includes(name) ? 0o755 : 0o644);
  copy(join(root, 'bin/postern'), join(prefix, 'bin/postern'), 0o755);
  return join(prefix, 'bin/postern');
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [prefix] = process.argv.slice(2);
  if (prefix === undefined) stop('where to?', 'node tools/install.mjs PREFIX');
  step('installed', install(resolve(prefix)));
}
