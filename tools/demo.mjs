/**
 * npm run demo: the whole story in a few seconds. Every line under a `$` is what really came out, and each step is checked: the status is
 * 0 only when all of it was as told. Everything lives in one temporary folder and is gone afterwards.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { install } from './install.mjs';
import { bold, dim, duration, green, red, stop, stopwatch } from './say.mjs';

/** Any uid but root's will do; it needs no entry in /etc/passwd. */
const user = { uid: 1000, gid: 1000 };
/** Where ranges come from. */
const pool = { first: 524288, last: 1879048191 };
/** Time to read, where somebody does. */
const breath = process.stdout.isTTY ? 400 : 0;

if (process.getuid() !== 0) stop('the demo starts a gateway, which needs root', 'sudo npm run demo');

const time = stopwatch();
const folder = mkdtempSync(join(tmpdir(), 'postern-demo-'));
chmodSync(folder, 0o755);
const at = (name) => join(folder, name);
const before = residue();
let server;
let postern;
let steps = 0;

/** What a careless gateway would leave on the machine. */
function residue() {
  const loops = readdirSync('/sys/block').filter((name) => existsSync(`/sys/block/${name}/loop/backing_file`));
  return { mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length - 1, loops: loops.length };
}

async function step(title, why) {
  await pause(breath);
  steps += 1;
  console.log(`\n${bold(`${steps}  ${title}`)}`);
  if (why !== undefined) console.log(`   ${dim(why)}`);
}

/** The temporary folder's name says nothing to a reader. */
const short = (text) => text.replaceAll(`${folder}/inst/bin/`, '').replaceAll(`${folder}/`, '');

function show(text) {
  for (const line of short(text).trimEnd().split('\n')) console.log(`   ${dim('│')} ${line}`);
}

function check(holds, claim) {
  console.log(`   ${holds ? green('✓') : red('✗')} ${claim}`);
  if (!holds) throw new Error(`this did not hold: ${claim}`);
}

const quoted = (word) => (/[^\w@%+=:,./-]/.test(word) ? `'${word}'` : word);

/** Runs a program and shows it as a person would have typed it. */
function run(program, args, { as } = {}) {
  console.log(`   ${as === undefined ? '#' : '$'} ${bold(short([program, ...args].map(quoted).join(' ')))}`);
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, POSTERN_SOCKET: at('postern.sock') },
    ...as,
  });
  if (error !== undefined) throw error;
  const output = `${stdout}${stderr}`;
  if (output !== '') show(output);
  return { status, output };
}

const asUser = (...args) => run(postern, args, { as: user });

/** A root folder: one static program under many names, a greeting, and two traps. */
function makeRoot() {
  for (const name of ['bin', 'proc', 'dev', 'tmp', 'run', 'etc', 'home/alice', 'usr/share'])
    mkdirSync(at(`root/${name}`), { recursive: true });
  copyFileSync('/bin/busybox', at('root/bin/busybox'));
  for (const name of ['sh', 'cat', 'id', 'stat', 'ls', 'mount', 'sleep', 'head']) symlinkSync('busybox', at(`root/bin/${name}`));
  writeFileSync(at('root/usr/share/greeting'), 'Hello from inside a signed disk image!\n');
  writeFileSync(at('root/home/alice/note'), 'mine\n');
  spawnSync('chown', ['1000:1000', at('root/home/alice/note')]);
  spawnSync('mknod', [at('root/etc/memory'), 'c', '1', '1']);
}

function makeKey(name) {
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
    ...['-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)],
  ]);
  if (made.status !== 0) throw new Error(`openssl failed: ${made.stderr}`);
}

async function image() {
  await step('A signed disk image', 'a folder becomes a file system, a hash tree over it, and a signature over the tree’s root hash');
  makeRoot();
  makeKey('maker');
  makeKey('stranger');
  mkdirSync(at('signers'));
  copyFileSync(at('maker.crt'), at('signers/maker.crt'));
  const built = run(postern, ['build', at('root'), at('hello.raw'), '--key', at('maker.key'), '--cert', at('maker.crt')]);
  check(built.status === 0 && existsSync(at('hello.raw')), 'made and signed by “maker”');
}

async function gateway() {
  await step('The gateway', 'six processes, each with no more privileges than its job takes');
  const args = ['serve', '--socket', at('postern.sock'), '--state', at('state'), '--trust', at('signers')];
  console.log(`   # ${bold(short(['postern', ...args].join(' ')))}`);
  server = spawn(postern, args, { stdio: ['ignore', 'pipe', openSync(at('log'), 'w')], env: { PATH: process.env.PATH } });
  const line = await new Promise((resolve, reject) => {
    server.stdout.once('data', (data) => resolve(String(data).trim()));
    server.once('exit', (status) => reject(new Error(`it ended with ${status}:\n${readFileSync(at('log'), 'utf8')}`)));
  });
  show(line);
  const processes = children(server.pid).map((pid) => {
    const facts = status(pid);
    return `${(/(\w+)\.mjs/.exec(readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? [])[1]} (uid ${facts.uid}, ${facts.capabilities} capabilities)`;
  });
  check(processes.length >= 5, processes.join(', '));
}

/** Children of a process, by pid. */
function children(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

/** A process as the host sees it: its uid, and how many capabilities it could ever have. */
function status(pid) {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bits = BigInt(`0x${/CapBnd:\s+(\w+)/.exec(text)[1]}`)
    .toString(2)
    .replaceAll('0', '').length;
  return { uid: Number(/Uid:\s+(\d+)/.exec(text)[1]), capabilities: bits };
}

const inImage = (...command) => asUser('run', '--image', at('hello.raw'), '--', ...command);

async function hello() {
  await step('An ordinary user runs it', `uid ${user.uid}: no privileges, no entry in /etc/passwd, no setuid program`);
  const { status: ended, output } = inImage('cat', '/usr/share/greeting');
  check(ended === 0 && output.includes('Hello from inside'), 'the program ran, and its output came back');
  check(inImage('sh', '-c', 'exit 7').status === 7, 'so does its exit status');
}

async function identities() {
  await step('Who is who', 'root inside is nobody outside: a range of 65536 IDs that no one else holds');
  const { output } = inImage('sh', '-c', 'id -u; cat /proc/self/uid_map; stat -c "%u %n" /home/alice/note');
  const [, inside, outside, length] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/m.exec(output) ?? [];
  check(output.startsWith('0\n'), 'inside, the user is root');
  const first = Number(outside);
  check(inside === '0' && length === '65536' && first >= pool.first && first + 65535 <= pool.last, 'one range of 65536 IDs from the pool');
  check(/^1000 /m.test(output), 'a file of uid 1000 in the image is one of uid 1000 inside, whatever the range');

  console.log(`   $ ${bold('postern run --image hello.raw -- sleep 60 &')}`);
  const container = spawn(postern, ['run', '--image', at('hello.raw'), '--', 'sleep', '60'], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH, POSTERN_SOCKET: at('postern.sock') },
    ...user,
  });
  const ended = new Promise((resolve) => container.once('exit', resolve));
  const sleeper = await until(() => children(container.pid).flatMap(children)[0]);
  const { uid } = status(sleeper);
  show(`host: process ${sleeper} belongs to uid ${uid}`);
  check(uid >= pool.first && uid <= pool.last && uid !== first, 'outside, the same root is a transient uid, and another one each time');
  container.kill('SIGTERM');
  await ended;
}

/** Waits for something to be there, 5 s at most. */
async function until(look) {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      const found = look();
      if (found !== undefined) return found;
    } catch {
      // not there yet
    }
    await pause(50);
  }
  throw new Error('it did not happen in time');
}

async function limits() {
  await step('What the image can’t do', 'the flags of its mount are locked: root inside can’t take them off');
  const device = inImage('head', '-c', '1', '/etc/memory');
  check(device.status !== 0, 'a device node in the image opens no device (nodev)');
  const writable = inImage('mount', '-o', 'remount,bind,rw', '/');
  check(writable.status !== 0, 'read-only stays read-only');
  const host = inImage('ls', '/');
  check(host.output.trim().split('\n').join(' ') === 'bin dev etc home proc run tmp usr', 'the image’s files, and none of the host’s');
}

/** Changes one byte in the middle of the data. */
function tamper(source, target) {
  copyFileSync(source, target);
  const file = openSync(target, 'r+');
  const middle = Math.floor(statSync(target).size / 3);
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, middle);
  writeSync(file, Buffer.from([(byte[0] ?? 0) ^ 0xff]), 0, 1, middle);
  closeSync(file);
}

async function refusals() {
  await step('What is refused', 'each with its reason');
  tamper(at('hello.raw'), at('tampered.raw'));
  const tampered = asUser('run', '--image', at('tampered.raw'), '--', 'cat', '/usr/share/greeting');
  check(tampered.status === 77 && tampered.output.includes('VERITY_DATA'), 'an image in which one byte was changed');
  const build = spawnSync(postern, ['build', at('root'), at('strange.raw'), '--key', at('stranger.key'), '--cert', at('stranger.crt')]);
  if (build.status !== 0) throw new Error(`postern build failed: ${build.stderr}`);
  const strange = asUser('run', '--image', at('strange.raw'), '--', 'cat', '/usr/share/greeting');
  check(strange.status === 77 && strange.output.includes('SIGNER_UNKNOWN'), 'an image that somebody else signed');
}

async function stopServer() {
  if (server === undefined || server.exitCode !== null || server.signalCode !== null) return undefined;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  return ended;
}

async function nothingLeft() {
  await step('Nothing is left behind');
  const services = children(server.pid);
  const ended = await stopServer();
  check(ended === 0, 'the gateway ended when asked to');
  check(services.every((pid) => !existsSync(`/proc/${pid}`)) && !existsSync(at('postern.sock')), 'no process, no socket');
  const after = residue();
  check(
    after.mounts === before.mounts && after.loops === before.loops,
    `mounts ${after.mounts}, loop devices in use ${after.loops}: as before`,
  );
  rmSync(folder, { recursive: true });
  check(!existsSync(folder), 'no file');
}

process.once('SIGINT', async () => {
  await stopServer();
  rmSync(folder, { recursive: true, force: true });
  process.exit(130);
});

try {
  console.log(bold('Postern: a signed disk image, an ordinary user, one socket between them'));
  postern = install(at('inst'));
  for (const part of [image, gateway, hello, identities, limits, refusals, nothingLeft]) await part();
  console.log(`\n${green('All of it held')} in ${duration(time())}. ${dim('Next: bin/postern --help, README.md')}`);
} catch (error) {
  console.error(`\n${red('✗')} ${error instanceof Error ? error.message : String(error)}`);
  if (existsSync(at('log'))) console.error(dim(readFileSync(at('log'), 'utf8').split('\n').slice(-12).join('\n')));
  process.exitCode = 1;
} finally {
  await stopServer();
  rmSync(folder, { recursive: true, force: true });
}
