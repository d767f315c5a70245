// Writes TypeScript beside interface files. With --check it writes nothing and fails where something is out of date.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Where interface files are, and where what is made of them goes. The second is for the test build alone. */
const rooms = [
  { interfaces: 'varlink/interfaces', generated: 'varlink/generated' },
  { interfaces: 'test/certification/interfaces', generated: 'test/certification/generated' },
];
function bringUpToDate(generate, room) {
  const interfaces = join(root, room.interfaces);
  const generated = join(root, room.generated);
  const texts = readdirSync(interfaces).map((name) => readFileSync(join(interfaces, name), 'utf8'));
  const files = generate(texts, room.interfaces);
  const present = readdirSync(generated);
  const stale = [...files].filter(([name, text]) => !present.includes(name) || readFileSync(join(generated, name), 'utf8') !== text);
  const surplus = present.filter((name) => !files.has(name));
  if (process.argv.includes('--check')) {
    const names = [...stale.map(([name]) => name), ...surplus];
    for (const name of names) console.error(`out of date: ${room.generated}/${name}`);
    if (names.length > 0) process.exitCode = 1;
    return;
  }
  for (const [name, text] of stale) writeFileSync(join(generated, name), text);
  for (const name of surplus) rmSync(join(generated, name));
}

const folder = mkdtempSync(join(tmpdir(), 'postern-generate-'));

try {
  const outfile = join(folder, 'generate.mjs');
  buildSync({ entryPoints: [join(root, 'varlink/generate.ts')], outfile, bundle: true, platform: 'node', format: 'esm' });
  const { generate } = await import(pathToFileURL(outfile).href);
  for (const room of rooms) bringUpToDate(generate, room);
} finally {
  rmSync(folder, { recursive: true });
}
