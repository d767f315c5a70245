/** `npm run bench:systemd`: systemd's own daemons and Postern beside each other, in Debian with systemd as PID 1. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { build } from '../../tools/build.mjs';
import { misused, readOptions } from '../../tools/options.mjs';
import { stop } from '../../tools/say.mjs';
import { run } from '../packages.mjs';
import { bundle, compile, out, root } from '../programs.mjs';
import { runUnderSystemd } from './boot.mjs';
import { suites } from './roots.mjs';

/** No run takes longer: the rest of a machine may be busy. */
const limitMs = 5_400_000;
const images = join(out, 'bench/images');

/** How many ask at a time. */
const counts = ['1', '16'];
/** The same for all. Emulated, the programs of 262's namespace daemon are verified in 20 s here and in 45 s by sid's own, by each of its processes. */
const kernel = '6.12';

const usage = `usage: npm run bench:systemd -- [SUITE]… [--clients N]… [--write]
systemd's own daemons and Postern beside each other, in an hour and more; bench/README.md tells what is measured, and how.
  SUITE        ${Object.keys(suites).join(', ')}: not all of them
  --clients N  so many at a time, instead of 1 and of 16; may be repeated
  --write      puts the tables into bench/systemd.md
`;

const head = `# Beside systemd's own daemons

Made by \`npm run bench:systemd -- --write\`; README.md tells how it is measured. Times in milliseconds; CPU: of the server's own units + of
PID 1, D-Bus, polkit, udev and the journal, a call.
`;

/** A tree with the file that bench/systemd/calls.ts looks for, and a signed image of it. */
function makeImages() {
  const path = (...names) => join(images, ...names);
  rmSync(images, { recursive: true, force: true });
  mkdirSync(path('tree'), { recursive: true });
  mkdirSync(path('trust'));
  writeFileSync(path('tree/probe'), 'here\n');
  writeFileSync(path('tree/data'), randomBytes(2 ** 20));
  const [key, certificate] = [path('key.pem'), path('trust/bench.crt')];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=bench'];
  run('openssl', [...request, '-keyout', key, '-out', certificate]);
  const signed = [path('signed.raw'), '--key', key, '--cert', certificate, '--owners', 'root'];
  run(process.execPath, [join(root, 'bin/postern'), 'build', path('tree'), ...signed]);
}

/** One suite's table. Progress goes to standard error as it comes. */
async function compare(suite, clients) {
  const stdout = new PassThrough();
  const said = text(stdout);
  const command = [process.execPath, join(out, 'bench/systemd.mjs'), root, images, ...clients];
  const job = { command, environment: { HOME: '/root' }, interactive: false, cwd: root };
  const status = await runUnderSystemd(suite, job, { stdout, timeoutMs: limitMs, kernel });
  stdout.end();
  const table = await said;
  if (status !== 0) stop(`the benchmark failed in ${suite}`, table);
  return table;
}

const { values, positionals } = readOptions(usage, {
  options: { write: { type: 'boolean', default: false }, clients: { type: 'string', multiple: true, default: [] } },
  allowPositionals: true,
});
const wanted = positionals.length > 0 ? positionals : Object.keys(suites);
for (const suite of wanted) if (!(suite in suites)) misused(`there is no suite ${suite}`, usage);
for (const count of values.clients) if (!/^[1-9]\d*$/.test(count)) misused(`${count} is no number of clients`, usage);
await build();
mkdirSync(join(out, 'bench'), { recursive: true });
compile('bench/stock', ['bench/client/stock.c']);
await bundle('bench/systemd/main.ts', 'bench/systemd.mjs');
makeImages();
const tables = [];
for (const suite of wanted) {
  tables.push(await compare(suite, values.clients.length > 0 ? values.clients : counts));
  process.stdout.write(`${tables.at(-1)}\n`);
}
if (values.write) writeFileSync(join(root, 'bench/systemd.md'), `${head}\n${tables.join('\n')}`);
