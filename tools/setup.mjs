/**
 * Makes a fresh clone ready: Debian packages, npm packages, the native parts and the bundles. Needs nothing but Node.
 * Whatever is there already is left alone, so a second run takes well under a second.
 *   node tools/setup.mjs          everything that Postern, its demo and most tests need
 *   node tools/setup.mjs --lab    and what the virtual machine of the lab, and the tests of polkit, need
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bold, note, step, stop, stopwatch } from './say.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) stop(`Postern needs Node 20 or newer; this is ${process.version}`, 'see https://nodejs.org/ or your distribution');
  const { platform, arch } = process;
  if (platform !== 'linux') stop(`Postern runs on Linux; this is ${platform}`, 'it is made of namespaces and mounts of the Linux kernel');
  step('node', `${process.version} on ${arch}`);
}

/** Package names from a list with one a line and `#` before the reason. */
function packageList(file) {
  const lines = readFileSync(join(root, 'packaging', file), 'utf8').split('\n');
  return lines.map((line) => line.replace(/#.*/, '').trim()).filter((line) => line !== '');
}

/** Those of the packages that dpkg does not call installed. */
function missingPackages(names) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const format = '-f=${Package} ${db:Status-Status}\\n';
  const { stdout } = spawnSync('dpkg-query', ['-W', format, ...names], { encoding: 'utf8' });
  const installed = new Set(stdout.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.split(' ')[0]] : [])));
  return names.filter((name) => !installed.has(name));
}

/** Runs a program quietly; its whole output is shown only when it fails. */
function quietly(program, args, options = {}) {
  const run = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 26,
    ...options,
    env: { ...process.env, ...options.env },
  });
  if (run.error !== undefined) return { failed: true, output: run.error.message };
  return { failed: run.status !== 0, output: `${run.stdout}${run.stderr}` };
}

function installDebianPackages(files) {
  const time = stopwatch();
  const wanted = files.flatMap(packageList);
  if (spawnSync('dpkg-query', ['--version']).error !== undefined) {
    return note(`this is not Debian: please see to it yourself that there is what these packages hold:\n    ${wanted.join(' ')}`);
  }
  const missing = missingPackages(wanted);
  if (missing.length === 0) return step('Debian packages', `all ${wanted.length} there`, time());
  if (process.getuid() !== 0) stop(`missing Debian packages: ${missing.join(' ')}`, `run: sudo apt-get install ${missing.join(' ')}`);
  note(`installing ${missing.length} Debian packages: ${missing.join(' ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive', DEBIAN_PRIORITY: 'critical', NEEDRESTART_SUSPEND: '1' };
  const update = quietly('apt-get', ['update', '-q'], { env });
  if (update.failed) note(`the package lists could not be renewed, going on with the old ones:\n${update.output.trimEnd()}`);
  const install = quietly('apt-get', ['install', '-y', '-q', '--no-install-recommends', '-o', 'Dpkg::Use-Pty=0', ...missing], { env });
  if (install.failed) stop(`apt-get install failed:\n${install.output.trimEnd()}`, `try it by hand: apt-get install ${missing.join(' ')}`);
  step('Debian packages', `${missing.length} installed`, time());
}

/** True when node_modules holds exactly what the lock says, as npm itself recorded it at the end of its last installation. */
function nodeModulesMatch() {
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false;
  const wanted = readJson('package-lock.json').packages;
  const present = readJson('node_modules/.package-lock.json').packages;
  const complete = Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || (path in present ? present[path].version === version : optional === true),
  );
  return complete && Object.keys(present).every((path) => path in wanted);
}

function installNpmPackages() {
  const time = stopwatch();
  const count = () => `${Object.keys(readJson('node_modules/.package-lock.json').packages).length} packages as locked`;
  if (nodeModulesMatch()) return step('npm packages', count(), time());
  note('installing npm packages');
  const ci = quietly('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  // after the reason npm prints its whole manual
  const [reason = ''] = ci.output.split(/\n.*\nnpm error Clean install a project/);
  if (ci.failed) stop(`npm ci failed:\n${reason.trimEnd()}`, 'is the npm registry reachable?');
  step('npm packages', count(), time());
}

const lab = process.argv.includes('--lab');
const total = stopwatch();
console.log(bold('setup'));
checkNode();
installDebianPackages(['debian-packages.txt', ...(lab ? ['debian-packages-lab.txt'] : [])]);
installNpmPackages();
const { build } = await import('./build.mjs');
await build();
step('ready', 'npm run demo · npm test · bin/postern --help', total());
