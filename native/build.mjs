/**
 * Builds the native half into native/build: the addon with node-gyp, each C program with cc. Only what is older than its sources
 * is built again. Safe to run twice at once: the second waits, then finds everything fresh.
 *
 * Usage: node native/build.mjs; exits 0 when all is built.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const native = dirname(fileURLToPath(import.meta.url));
const out = join(native, 'build');

/** Each program and the folders whose C files make it. */
const programs = { helper: ['helper', 'common'], launcher: ['launcher', 'common'], container: ['container'] };

const compilerFlags = [
  ...['-std=gnu17', '-O2', '-g', '-Wall', '-Wextra', '-Werror', '-Wshadow', '-Wstrict-prototypes', '-Wformat=2'],
  ...['-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2'],
  ...['-fstack-protector-strong', '-fstack-clash-protection', '-fcf-protection'],
];
/** Static: no dynamic loader to find in a minimal root, and a fork copies a handful of pages. */
const linkerFlags = ['-static-pie', '-fPIE', '-Wl,-z,relro', '-Wl,-z,now', '-Wl,-z,noexecstack'];

/** The folder whose `include/node` belongs to the Node that runs this. */
function nodeHeaders() {
  const prefix = dirname(dirname(process.execPath));
  const found = [prefix, '/usr'].find((place) => existsSync(join(place, 'include/node/node_version.h')));
  if (found === undefined) throw new Error(`the headers of Node ${process.version} are missing: install them below ${prefix}/include/node`);
  const version = readFileSync(join(found, 'include/node/node_version.h'), 'utf8');
  const major = /#define NODE_MAJOR_VERSION (\d+)/.exec(version)?.[1];
  if (major !== process.versions.node.split('.')[0])
    throw new Error(`${found}/include/node is of Node ${major}, this is ${process.version}`);
  return found;
}

/** @param {string[]} command */
function run(command) {
  const [file, ...args] = command;
  const { status, error } = spawnSync(file, args, { cwd: native, stdio: ['ignore', 'ignore', 'inherit'] });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${file} failed with ${status}`);
}

/** @param {string} folder @param {RegExp} names */
function files(folder, names) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => names.test(name))
    .map((name) => join(folder, name));
}

/** True when the file is missing or older than one of its sources. @param {string} target @param {string[]} sources */
function isStale(target, sources) {
  if (!existsSync(target)) return true;
  const built = statSync(target).mtimeMs;
  return sources.some((source) => statSync(source).mtimeMs > built);
}

function buildAddon() {
  const made = join(out, 'Release/postern.node');
  const stamp = join(out, 'node-version');
  const self = fileURLToPath(import.meta.url);
  const sources = [join(native, 'binding.gyp'), self, join(native, 'helper/wire.h'), ...files(join(native, 'src'), /\.(cc|h)$/)];
  const isOtherNode = !existsSync(stamp) || readFileSync(stamp, 'utf8') !== process.version;
  if (!isOtherNode && existsSync(made) && !isStale(stamp, sources)) return;
  const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  const headers = `--nodedir=${nodeHeaders()}`;
  if (isOtherNode) rmSync(join(out, 'Release'), { recursive: true, force: true });
  run([process.execPath, gyp, 'configure', 'build', headers, '--loglevel=error', '--jobs=2']);
  writeFileSync(stamp, process.version);
}

/** @param {string} name @param {string[]} folders */
function buildProgram(name, folders) {
  const sources = folders.flatMap((folder) => files(join(native, folder), /\.c$/));
  const headers = folders.flatMap((folder) => files(join(native, folder), /\.h$/));
  const made = join(out, name);
  if (!isStale(made, [...sources, ...headers, fileURLToPath(import.meta.url)])) return;
  const unfinished = `${made}.unfinished`;
  run(['cc', ...compilerFlags, ...sources, ...linkerFlags, '-o', unfinished]);
  renameSync(unfinished, made); // a program that runs keeps its old file
}

if (process.argv[2] === '--locked') {
  buildAddon();
  for (const [name, folders] of Object.entries(programs)) buildProgram(name, folders);
} else {
  mkdirSync(out, { recursive: true });
  // One build at a time in a checkout; flock(1) lets go of the lock however the build ends.
  run(['flock', join(out, '.lock'), process.execPath, fileURLToPath(import.meta.url), '--locked']);
}
