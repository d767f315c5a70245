// Writes varlink/generated from varlink/interfaces. With --check it writes nothing and fails where something is out of date.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';

const room = join(dirname(fileURLToPath(import.meta.url)), '../varlink');
const folder = mkdtempSync(join(tmpdir(), 'postern-generate-'));

try {
  const outfile = join(folder, 'generate.mjs');
  buildSync({ entryPoints: [join(room, 'generate.ts')], outfile, bundle: true, platform: 'node', format: 'esm' });
  const { generate } = await import(pathToFileURL(outfile).href);
  const interfaces = join(room, 'interfaces');
  const files = generate(readdirSync(interfaces).map((name) => readFileSync(join(interfaces, name), 'utf8')));

  const generated = join(room, 'generated');
  const present = readdirSync(generated);
  const stale = [...files].filter(([name, text]) => !present.includes(name) || readFileSync(join(generated, name), 'utf8') !== text);
  const surplus = present.filter((name) => !files.has(name));
  if (process.argv.includes('--check')) {
    for (const name of [...stale.map(([name]) => name), ...surplus]) console.error(`out of date: varlink/generated/${name}`);
    process.exitCode = stale.length + surplus.length > 0 ? 1 : 0;
  } else {
    for (const [name, text] of stale) writeFileSync(join(generated, name), text);
    for (const name of surplus) rmSync(join(generated, name));
  }
} finally {
  rmSync(folder, { recursive: true });
}
