/**
 * Debian packages of any suite, unpacked without installing them. Each suite has an apt configuration of its own, so that the machine's
 * own package lists stay as they are. Everything is kept in the user's cache folder, outside of the checkout.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const mirror = 'http://deb.debian.org/debian';
/** How old a package index may be before it is asked for again. */
const indexLifeMs = 24 * 3600 * 1000;

export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'postern', 'lab');

/** Runs a program; its output, or an error with what it said. */
export function run(program, args, options = {}) {
  const child = spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 26, ...options });
  if (child.error !== undefined) throw new Error(`${program} could not be started: ${child.error.message}`);
  if (child.status !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${child.stderr.trimEnd()}`);
  return child.stdout;
}

/** The environment in which apt knows one suite and nothing of this machine. */
export function aptFor(suite) {
  const folder = join(cache, 'apt', suite);
  for (const part of ['state/lists/partial', 'cache/archives/partial']) mkdirSync(join(folder, part), { recursive: true });
  writeFileSync(join(folder, 'sources.list'), `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${suite} main\n`);
  const settings = {
    'Dir::State': join(folder, 'state'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Etc::SourceList': join(folder, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Parts': '/dev/null',
    'Acquire::Languages': 'none',
    // a mirror's index of sid may be past its date; the signature still holds
    'Acquire::Check-Valid-Until': 'false',
    'APT::Architecture': 'amd64',
    'APT::Architectures': 'amd64',
    'APT::Sandbox::User': 'root',
  };
  const file = join(folder, 'apt.conf');
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([key, value]) => `${key} "${value}";\n`)
      .join(''),
  );
  const options = { env: { ...process.env, APT_CONFIG: file } };
  const stamp = join(folder, 'updated');
  if (!existsSync(stamp) || Date.now() - statSync(stamp).mtimeMs > indexLifeMs) {
    run('apt-get', ['update', '-q'], options);
    writeFileSync(stamp, '');
  }
  return options;
}

/** Fetches packages and unpacks them into one folder. */
export function unpackPackages(names, apt, folder) {
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(`${folder}.deb-`);
  try {
    run('apt-get', ['-q', 'download', ...names], { ...apt, cwd: work });
    for (const file of readdirSync(work)) run('dpkg', ['-x', join(work, file), folder]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
