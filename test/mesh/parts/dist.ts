/** Makes a dist/ of the test services, with the real launcher and addon. */
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { services } from '../../../mesh/protocol.ts';

const here = dirname(fileURLToPath(import.meta.url));
const native = resolve(here, '../../../native/build');

const banner = `import { createRequire as __createRequire } from 'node:module';
import { fileURLToPath as __fileURLToPath } from 'node:url';
import { dirname as __directoryOf } from 'node:path';
const require = __createRequire(import.meta.url), __filename = __fileURLToPath(import.meta.url), __dirname = __directoryOf(__filename);`;

/** Why real services can't be started here; false where they can. */
export const unavailable = process.getuid?.() !== 0 || !existsSync(join(native, 'launcher'));

/** A folder with a bundle for each service. `remove` when done. */
export async function makeDist(): Promise<{ readonly dist: string; remove(): void }> {
  const dist = mkdtempSync(join(tmpdir(), 'postern-dist-'));
  // services run as other users
  chmodSync(dist, 0o755);
  await build({
    entryPoints: { part: join(here, 'main.ts'), parent: join(here, 'parent.ts') },
    outdir: dist,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: banner },
    logLevel: 'error',
  });
  for (const service of services) copyFileSync(join(dist, 'part.mjs'), join(dist, `${service}.mjs`));
  copyFileSync(join(native, 'launcher'), join(dist, 'launcher'));
  copyFileSync(join(native, 'Release/postern.node'), join(dist, 'postern.node'));
  return { dist, remove: () => rmSync(dist, { recursive: true }) };
}
