/**
 * Makes dist/: one ESM bundle per process, the native addon and the C programs. dist/ and bin/postern are all that runs.
 * Only what changed is made again, and each file is put in place by rename, so a running gateway never reads half a bundle.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { step, stop, stopwatch } from './say.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stampFile = join(dist, '.inputs.json');

/** What CommonJS dependencies expect to find in an ES module. */
const banner = `import { createRequire as __createRequire } from 'node:module';
import { fileURLToPath as __fileURLToPath } from 'node:url';
import { dirname as __directoryOf } from 'node:path';
const require = __createRequire(import.meta.url), __filename = __fileURLToPath(import.meta.url), __dirname = __directoryOf(__filename);`;

/** Name in dist/ and entry point of each process. */
const bundles = [
  { out: 'postern.mjs', entry: 'bin/main.ts' },
  { out: 'gateway.mjs', entry: 'services/gateway/main.ts' },
  { out: 'allocator.mjs', entry: 'services/allocator/main.ts' },
  { out: 'verity.mjs', entry: 'services/verity/main.ts' },
  { out: 'verity-unlock.mjs', entry: 'services/verity/unlock/thread.ts' },
  { out: 'mounter.mjs', entry: 'services/mounter/main.ts' },
  { out: 'mounter-worker.mjs', entry: 'services/mounter/worker.ts' },
  { out: 'lsm.mjs', entry: 'services/lsm/main.ts' },
  { out: 'network.mjs', entry: 'services/network/main.ts' },
  { out: 'polkit.mjs', entry: 'services/polkit/main.ts' },
  // the client library, for programs
  { out: 'client.mjs', entry: 'client/client.ts' },
  // piscina starts its threads from a file beside itself
  { out: 'worker.js', entry: 'node_modules/piscina/dist/worker.js', format: 'cjs' },
];

/** What the native build makes, below native/build. */
const nativeFiles = ['Release/postern.node', 'postern-lsm.node', 'policy.bpf.o', 'launcher', 'helper', 'container'];

/** The names in dist/ of everything that runs; whatever else is there belongs to a bench or a test. */
export const products = [...bundles.map(({ out }) => out), ...nativeFiles.map((file) => basename(file))];

const fingerprint = async (file) => {
  const { mtimeMs, size } = await stat(file);
  return `${mtimeMs}:${size}`;
};

/** True when every file that went into a bundle is as it was. */
async function isCurrent(bundle, inputs) {
  if (inputs === undefined || !existsSync(join(dist, bundle.out))) return false;
  const checks = Object.entries(inputs).map(([file, was]) =>
    fingerprint(join(root, file)).then(
      (is) => is === was,
      () => false,
    ),
  );
  return (await Promise.all(checks)).every(Boolean);
}

async function replace(file, contents) {
  const temporary = `${file}.${process.pid}.new`;
  await writeFile(temporary, contents);
  await rename(temporary, file);
}

/** One file that holds a program and all that it imports. @param entry from the root of the project */
export async function bundle(entry, format = 'esm') {
  const esbuild = await import('esbuild');
  const result = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format,
    banner: format === 'esm' ? { js: banner } : {},
    // msgpackr would look for its optional addon at run time, where a service's view of the files has none
    define: { 'process.env.MSGPACKR_NATIVE_ACCELERATION_DISABLED': '"true"' },
    // piscina asks for it only where a thread's niceness is set, which we never do
    external: ['@napi-rs/nice'],
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  return { contents: result.outputFiles[0].contents, inputs: Object.keys(result.metafile.inputs) };
}

async function makeBundle({ out, entry, format }) {
  const { contents, inputs } = await bundle(entry, format);
  await replace(join(dist, out), contents);
  const files = [...inputs, relative(root, fileURLToPath(import.meta.url))];
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await fingerprint(join(root, file))])));
}

async function makeBundles() {
  const time = stopwatch();
  const stamps = await readFile(stampFile, 'utf8').then(JSON.parse, () => ({}));
  const next = {};
  const made = [];
  for (const product of bundles) {
    const { out } = product;
    if (await isCurrent(product, stamps[out])) {
      next[out] = stamps[out];
      continue;
    }
    try {
      next[out] = await makeBundle(product);
    } catch (error) {
      if (!Array.isArray(error.errors)) throw error;
      const esbuild = await import('esbuild');
      const lines = await esbuild.formatMessages(error.errors, { kind: 'error', color: process.stdout.isTTY === true });
      stop(`${out} could not be made:\n${lines.join('')}`);
    }
    made.push(out);
  }
  await replace(stampFile, JSON.stringify(next));
  step('bundles', made.length === 0 ? 'up to date' : made.join(' '), time());
}

/** The addon and the C programs have their own build beside their sources; dist/ gets what it made. */
async function makeNative() {
  const time = stopwatch();
  for (const script of ['native/build.mjs', 'native/lsm/build.mjs']) {
    const { status } = spawnSync(process.execPath, [join(root, script)], { cwd: root, stdio: 'inherit' });
    if (status !== 0) stop('the native build failed', 'its message stands above');
  }
  const made = [];
  for (const file of nativeFiles) {
    const source = join(root, 'native/build', file);
    const target = join(dist, basename(file));
    const built = await stat(source);
    const placed = await stat(target).catch(() => undefined);
    if (placed !== undefined && placed.mtimeMs >= built.mtimeMs && placed.size === built.size) continue;
    await replace(target, await readFile(source));
    await chmod(target, 0o755);
    made.push(basename(file));
  }
  step('native', made.length === 0 ? 'up to date' : made.join(' '), time());
}

/** Brings dist/ up to date. */
export async function build() {
  await mkdir(dist, { recursive: true });
  await makeNative();
  await makeBundles();
  // services run under other uids: everything here is readable by all
  await chmod(dist, 0o755);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await build();
