/**
 * Builds what only the lsm service uses: the addon over libbpf, and the policy itself, into native/build. Only what is older than its
 * sources is built again.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const native = dirname(here);
const root = dirname(native);
const out = join(native, 'build');
const policy = join(root, 'services/lsm/bpf');

/** The folder whose `include/node` belongs to the Node that runs this. */
const headers = [dirname(dirname(process.execPath)), '/usr'].find((place) => existsSync(join(place, 'include/node/node_api.h')));

/** Where `linux/types.h` finds the `asm` headers of this machine. */
const architecture = `/usr/include/${process.arch === 'x64' ? 'x86_64' : 'aarch64'}-linux-gnu`;

/** Makes `target` by a command that writes the file it is given, where a source is newer. */
function make(target, sources, command) {
  if (existsSync(target)) {
    const built = statSync(target).mtimeMs;
    if (sources.every((source) => statSync(source).mtimeMs <= built)) return;
  }
  const unfinished = `${target}.${process.pid}.unfinished`;
  const [program, ...args] = command(unfinished);
  const { status, error } = spawnSync(program, args, { cwd: policy, stdio: ['ignore', 'ignore', 'inherit'] });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} failed with ${status}`);
  renameSync(unfinished, target);
}

const filesIn = (folder, names) => readdirSync(folder).flatMap((name) => (names.test(name) ? [join(folder, name)] : []));
const self = fileURLToPath(import.meta.url);

mkdirSync(out, { recursive: true });
const addonApi = createRequire(import.meta.url)('node-addon-api').include_dir;
const edge = [join(native, 'src/edge.cc'), join(native, 'src/edge.h')];
make(join(out, 'postern-lsm.node'), [self, join(here, 'addon.cc'), ...edge], (target) => [
  'g++',
  ...['-shared', '-fPIC', '-std=gnu++20', '-O2', '-fno-exceptions', '-fvisibility=hidden', '-Wall', '-Wextra', '-Werror'],
  ...['-Wno-missing-field-initializers', '-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2', '-fstack-protector-strong'],
  ...['-DNAPI_VERSION=9', '-DNODE_ADDON_API_DISABLE_DEPRECATED', '-DNAPI_DISABLE_CPP_EXCEPTIONS', '-D_GNU_SOURCE'],
  ...['-isystem', join(root, addonApi), '-isystem', addonApi, '-isystem', join(headers ?? '/usr', 'include/node')],
  ...[join(here, 'addon.cc'), edge[0], '-lbpf', '-Wl,-z,relro', '-Wl,-z,now', '-Wl,-z,noexecstack', '-o', target],
]);
make(join(out, 'policy.bpf.o'), [self, ...filesIn(policy, /\.(c|h)$/)], (target) => [
  'clang',
  ...['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-Wall', '-Werror', '-I', architecture],
  ...['-c', 'policy.bpf.c', '-o', target],
]);
