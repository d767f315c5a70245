/**
 * Boots a kernel in QEMU with this machine's own root shared read-only, runs one command in it, and passes on output and exit status.
 * Nothing outlives it: children die with this process, mounts with their namespace, files lie in one folder that is removed.
 */
import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const lab = dirname(fileURLToPath(import.meta.url));

/** A kernel under emulation is in user space after a few seconds; on a busy machine after many. */
const bootLimitMs = 90_000;
/** Of twenty boots one died, in the measurements that led here. */
const attempts = 3;
/** How long output may trail behind the exit status. */
const drainMs = 3_000;

const quote = (word) => `'${word.replaceAll("'", `'\\''`)}'`;

/** The guest never came to life, or went away without a word. */
class BootFailed extends Error {}

/** Runs a program that dies with this one, however this one dies. */
function start(children, program, args, options) {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], options);
  children.push(child);
  return new Promise((_, reject) => {
    child.on('error', (error) => reject(new BootFailed(`${program} could not be started: ${error.message}`)));
    child.on('exit', (status, signal) => reject(new BootFailed(`${program} ended with ${signal ?? status}`)));
  });
}

/** One of the guest's serial ports, as a socket that QEMU connects to. */
function port(path, onData) {
  const server = createServer((socket) => {
    server.close();
    server.peer = socket;
    socket.on('data', onData);
    // QEMU ends when it likes
    socket.on('error', () => undefined);
  });
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(path, () => resolve(server));
  });
}

/**
 * What the guest must see wherever it lies: a checkout under /tmp would else be hidden by the guest's own. Outermost first.
 * In a userland of its own, the folder of programs must stay that one's.
 */
function neededPaths(cwd, { modules }, userland) {
  const project = dirname(lab);
  const node = userland === undefined ? dirname(process.execPath) : process.execPath;
  return [...new Set([project, cwd, modules, join(project, '../shared'), node])].filter(existsSync).sort((a, b) => a.length - b.length);
}

/** What the guest's init reads: where it is, what it runs, in which environment, and what must stay in sight. */
function writeJob(folder, kernel, { command, environment, interactive, cwd }, userland) {
  const job = join(folder, 'job');
  mkdirSync(job);
  const passed = { LAB_FOLDER: cwd, ...environment };
  writeFileSync(
    join(job, 'environment'),
    Object.entries(passed)
      .map(([key, value]) => `export ${key}=${quote(value)}\n`)
      .join(''),
  );
  writeFileSync(join(job, 'keep'), `${neededPaths(cwd, kernel, userland).join('\n')}\n`);
  writeFileSync(join(job, 'job'), `${command.map(quote).join(' ')}\n`);
  if (interactive) writeFileSync(join(job, 'interactive'), '');
  return job;
}

/** Stands for the end of one output stream; the guest's init writes it after the last byte. */
const endMark = 0;

/**
 * Passes a stream on without its end mark; `ended` resolves when that came.
 * @param {() => boolean} begun false for as long as nobody but the firmware can have written, which clears every screen it finds
 */
function passOn(target, begun) {
  let finish;
  const ended = new Promise((resolve) => {
    finish = resolve;
  });
  const onData = (chunk) => {
    if (!begun()) return;
    const last = chunk.at(-1) === endMark;
    target.write(last ? chunk.subarray(0, -1) : chunk);
    if (last) finish();
  };
  return { onData, ended };
}

async function bootOnce(kernel, job, options) {
  const folder = mkdtempSync(join(tmpdir(), 'postern-lab-'));
  const children = [];
  const servers = [];
  const cleanUp = () => {
    for (const child of children) child.kill('SIGTERM');
    for (const server of servers) {
      server.peer?.destroy();
      server.close();
    }
    rmSync(folder, { recursive: true, force: true });
  };
  const onSignal = (signal) => {
    cleanUp();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  let console_ = '';
  try {
    const share = join(folder, 'share');
    mkdirSync(share);
    const jobFolder = writeJob(folder, kernel, job, options.userland);
    const path = (name) => join(folder, name);

    let status = null;
    let word = '';
    const begun = () => word.includes('started\n');
    const out = passOn(options.stdout ?? process.stdout, begun);
    const err = passOn(options.stderr ?? process.stderr, begun);
    let tellStarted;
    let tellStatus;
    const started = new Promise((resolve) => {
      tellStarted = resolve;
    });
    const finished = new Promise((resolve) => {
      tellStatus = resolve;
    });
    const heard = (chunk) => {
      word += chunk.toString();
      if (begun()) tellStarted();
      const match = word.match(/status (\d+)\n/);
      if (match !== null) {
        status = Number(match[1]);
        tellStatus();
      }
    };
    const logConsole = (chunk) => {
      console_ = (console_ + chunk.toString()).slice(-65536);
      if (options.verbose) process.stderr.write(chunk);
    };
    servers.push(
      await port(path('console'), logConsole),
      await port(path('out'), out.onData),
      await port(path('word'), heard),
      await port(path('err'), err.onData),
    );

    const server = start(
      children,
      'unshare',
      ['--mount', '--propagation', 'private', process.execPath, join(lab, 'share.mjs'), path('fs'), share],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    server.catch(() => undefined);
    await Promise.race([server, untilExists(path('fs'))]);

    const firmware = options.firmware === undefined ? [] : firmwareArguments(options.firmware, path('vars'));
    const machine = start(children, 'qemu-system-x86_64', [...machineArguments(kernel, jobFolder, path, options), ...firmware], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    machine.catch(() => undefined);
    // what the emulator says matters only when a boot fails
    children.at(-1).stderr.on('data', logConsole);

    await Promise.race([machine, server, started, limit(bootLimitMs, 'the kernel did not come up in time')]);
    if (job.interactive) {
      process.stdin.setRawMode?.(true);
      process.stdin.pipe(servers[1].peer);
    }
    await Promise.race([machine, finished, ...(options.timeoutMs ? [limit(options.timeoutMs, null)] : [])]);
    await Promise.race([Promise.all([out.ended, err.ended]), new Promise((resolve) => setTimeout(resolve, drainMs).unref())]);
    return status;
  } catch (error) {
    if (error instanceof BootFailed) error.console = console_;
    throw error;
  } finally {
    process.removeListener('SIGINT', onSignal);
    process.removeListener('SIGTERM', onSignal);
    if (job.interactive) {
      process.stdin.setRawMode?.(false);
      process.stdin.unpipe();
      process.stdin.unref?.();
    }
    cleanUp();
    await Promise.all(children.map(ended));
  }
}

/** Waits for a child's end, so that nobody else has to reap it; kills it when it takes its time. */
async function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const kill = setTimeout(() => child.kill('SIGKILL'), 2_000);
  await new Promise((resolve) => child.once('exit', resolve));
  clearTimeout(kill);
}

/** Rejects after a while: with a failed boot, which is tried again, or, without a text, with an error that is final. */
function limit(ms, text) {
  return new Promise((_, reject) => {
    setTimeout(() => reject(text === null ? new Error('the command did not end in time') : new BootFailed(text)), ms).unref();
  });
}

async function untilExists(path) {
  for (let waited = 0; !existsSync(path); waited += 20) {
    if (waited > 20_000) throw new BootFailed('the file server did not come up');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function machineArguments(kernel, jobFolder, path, options) {
  const parameters = [
    'console=ttyS0',
    'root=rootfs',
    'rootfstype=virtiofs',
    'ro',
    `init=${join(lab, options.userland === undefined ? 'guest/init' : 'guest/systemd/init')}`,
    ...(options.userland === undefined ? [] : [`LAB_ROOT=${options.userland}`]),
    `LAB_JOB=${jobFolder}`,
    `LAB_MODULES=${kernel.modules}`,
    // the emulated clock is not steady
    'tsc=unstable',
    // a panic ends the machine, and with -no-reboot the emulator
    'panic=-1',
    'quiet',
    ...(options.parameters ?? []),
  ];
  const memory = '2G';
  const ports = ['console', 'out', 'word', 'err'].flatMap((name) => [
    '-chardev',
    `socket,id=${name},path=${path(name)}`,
    '-serial',
    `chardev:${name}`,
  ]);
  return [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...['-M', 'q35', '-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'max', '-smp', String(options.processors ?? 2), '-m', memory],
    ...['-object', `memory-backend-memfd,id=memory,size=${memory},share=on`, '-numa', 'node,memdev=memory'],
    ...['-chardev', `socket,id=fs,path=${path('fs')}`, '-device', 'vhost-user-fs-pci,chardev=fs,tag=rootfs'],
    ...ports,
    ...['-kernel', kernel.image, ...(kernel.initramfs === null ? [] : ['-initrd', kernel.initramfs]), '-append', parameters.join(' ')],
  ];
}

/** UEFI with a variable store of this boot's own. */
function firmwareArguments({ code, variables }, copy) {
  copyFileSync(variables, copy);
  chmodSync(copy, 0o600);
  return ['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${code}`, '-drive', `if=pflash,format=raw,unit=1,file=${copy}`];
}

/**
 * Runs a command under a kernel.
 * @param {import('./kernels.mjs').Kernel} kernel from `fetchKernel`
 * @param {{ command: string[], environment?: Record<string, string>, interactive?: boolean, cwd: string }} job what to run
 * @param {{ stdout?: NodeJS.WritableStream, stderr?: NodeJS.WritableStream, verbose?: boolean, timeoutMs?: number, parameters?: string[],
 *   processors?: number,
 *   firmware?: { code: string, variables: string }, userland?: string, again?: () => void }} [options] `userland`: a root file system whose
 *   systemd is to be PID 1, in the place of this machine's programs; `again` hears that a boot died and the next begins
 * @returns {Promise<number>} the command's exit status. Rejects when no boot came to an end.
 */
export async function runUnder(kernel, job, options = {}) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await bootOnce(kernel, job, options);
    } catch (error) {
      if (!(error instanceof BootFailed)) throw error;
      const last = error.console?.trimEnd().split('\n').slice(-20).join('\n') ?? '';
      process.stderr.write(`lab: ${kernel.release}: ${error.message}${last === '' ? '' : `; its last words:\n${last}`}\n`);
      if (attempt === attempts) throw new Error(`${kernel.release} did not run the command in ${attempts} boots`);
      options.again?.();
    }
  }
}
