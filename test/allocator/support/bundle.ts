/** Programs of the tests' own, made into one file that plain Node runs. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));

/** Bundles a file beside this one. The native build is found beside the bundle. */
export function bundle(source: string): { readonly program: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'postern-bundle-'));
  const program = join(folder, 'test/allocator/support/program.mjs');
  buildSync({
    entryPoints: [join(here, source)],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile: program,
    logLevel: 'warning',
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  });
  const build = resolve(here, '../../../native/build');
  // The addon is looked for beside the program.
  symlinkSync(build, join(dirname(program), 'build'));
  return { program, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
