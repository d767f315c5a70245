/** The whole of Postern at full strength: an ordinary user's range under the policy, whatever is killed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PosternClient } from '../../client/client.ts';
import { services } from '../../mesh/protocol.ts';
import { Shell } from '../allocator/support/shell.ts';
import { ControlGroupGround } from '../support/control-groups.ts';
import { checkLater, data } from './report.ts';
import { asOrdinaryUser, killIfThere, processesOf, serve, socket, until } from './server.ts';

const open = '/home/open';
/** A shell with a range, as an ordinary user gets it; each line is answered with what it printed and its status. */
class Inside {
  readonly #shell: ChildProcess;
  #said = '';

  constructor() {
    this.#shell = spawn('setpriv', [...asOrdinaryUser, 'bin/postern', 'allocate', '--', 'sh'], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#shell.stdout?.on('data', (chunk: Buffer) => {
      this.#said += chunk.toString();
    });
  }

  async ask(line: string): Promise<{ readonly text: string; readonly status: number }> {
    this.#said = '';
    this.#shell.stdin?.write(`${line}\necho "=$?"\n`);
    const answer = await until(`an answer to ${line}`, () => /^([\s\S]*)=(\d+)\n$/.exec(this.#said) ?? undefined);
    return { text: (answer[1] ?? '').trim(), status: Number(answer[2]) };
  }

  async end(): Promise<void> {
    if (this.#shell.exitCode !== null) return;
    this.#shell.stdin?.end();
    await once(this.#shell, 'exit');
  }
}

let files = 0;
async function leavesNothing(inside: Inside): Promise<string | true> {
  const { status } = await inside.ask(`echo x > ${open}/${++files} 2>/dev/null`);
  if (status === 0 || existsSync(`${open}/${files}`)) return 'a file of a transient ID was made on the host';
  // the policy's word, not one about permissions: anybody may write here
  return (await inside.ask(`echo x > ${open}/given`)).status === 0 || 'even a world-writable file can not be written';
}

/** A life of the allocator gives nothing before the policy knows it, however long that takes. */
async function newAllocatorGives(): Promise<string | true> {
  const ground = new ControlGroupGround();
  const shell = await Shell.start(1000);
  using postern = PosternClient.connect(socket);
  using userNamespace = shell.namespace();
  await postern.allocate({ name: 'with-a-group', userNamespace });
  const group = ground.make(0);
  const controlGroup = openSync(group, 'r');
  const [[before], [policy]] = [processesOf('allocator.mjs'), processesOf('lsm.mjs')];
  if (before === undefined || policy === undefined) return 'a service is not running';
  let given: Promise<true | string>;
  process.kill(policy, 'SIGSTOP');
  try {
    process.kill(before, 'SIGKILL');
    await until('the next life', () => processesOf('allocator.mjs').find((pid) => pid !== before && hasChildren(pid)));
    given = postern.addControlGroup({ userNamespace, controlGroup }).then(() => true as const, String);
    await sleep(1500);
  } finally {
    process.kill(policy, 'SIGCONT');
  }
  const outcome = await given;
  closeSync(controlGroup);
  const { uid } = statSync(group);
  userNamespace.close();
  await shell.end();
  if (outcome !== true || uid < 524288) return `${outcome}; it belongs to ${uid}`;
  await until('the end of the group', () => (existsSync(group) ? undefined : true));
  ground.remove();
  return true;
}

/** As the allocator has once it is about to serve: its namespace helper. */
function hasChildren(pid: number): boolean {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8') !== '';
}

export async function serving(): Promise<void> {
  mkdirSync(open);
  chmodSync(open, 0o777);
  spawnSync('touch', [`${open}/given`]);
  chmodSync(`${open}/given`, 0o666);
  mkdirSync('/run/postern', { recursive: true });
  let parent: ChildProcess | undefined;
  let inside: Inside | undefined;
  await checkLater('postern serves an ordinary user a range under the policy', async () => {
    parent = await serve({ state: '/home/state' });
    inside = new Inside();
    const { text } = await inside.ask('cat /proc/self/uid_map');
    const [first, base, length] = text.split(/\s+/).map(Number);
    data({ uidMap: text });
    return (first === 0 && length === 65536 && (base ?? 0) >= 524288) || text;
  });
  if (parent === undefined || inside === undefined) return;
  const shell = inside;
  await checkLater('its holder leaves nothing on the host', () => leavesNothing(shell));
  await checkLater('kill -9 on the lsm service: still denied, and the next life takes over', async () => {
    const [before] = processesOf('lsm.mjs');
    if (before === undefined) return 'no lsm service is running';
    process.kill(before, 'SIGKILL');
    const outcome = await leavesNothing(shell);
    if (outcome !== true) return outcome;
    await until('the next life', () => processesOf('lsm.mjs').find((pid) => pid !== before));
    const another = new Inside();
    const denied = await leavesNothing(another);
    await another.end();
    return denied;
  });
  await checkLater('kill -9 on the allocator: its next life gives control groups as soon as the policy knows it', newAllocatorGives);
  await checkLater('a range whose namespace ended is recycled', async () => {
    const { stdout } = spawnSync('bin/postern', ['status', '--json'], { encoding: 'utf8' });
    data({ status: stdout.slice(0, 4000) });
    return /"mode":\s*"recycling"/.test(stdout) && /"held":\s*1\b/.test(stdout) ? true : stdout.slice(0, 600);
  });
  await checkLater('kill -9 on the parent: the services end, still denied, and the next parent takes over', async () => {
    const { pid } = parent ?? {};
    if (pid === undefined) return 'no parent is running';
    process.kill(pid, 'SIGKILL');
    await until('the end of its services', () => (services.every((name) => processesOf(`${name}.mjs`).length === 0) ? true : undefined));
    const outcome = await leavesNothing(shell);
    if (outcome !== true) return outcome;
    parent = await serve({ state: '/home/state' });
    const another = new Inside();
    const denied = await leavesNothing(another);
    await another.end();
    return denied;
  });
  await checkLater('kill -9 on every process: still denied', async () => {
    const pids = [parent?.pid ?? 0, ...services.flatMap((name) => processesOf(`${name}.mjs`))];
    for (const pid of pids.filter((pid) => pid > 0)) killIfThere(pid);
    await until('their end', () => (processesOf('lsm.mjs').length === 0 ? true : undefined));
    return leavesNothing(shell);
  });
  await shell.end();
}
