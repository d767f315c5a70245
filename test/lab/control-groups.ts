/** Control groups under the policy: what a range may make in its own and in others', and what its end leaves. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import { loadPolicy } from '../../services/lsm/load.ts';
import type { Policy } from '../../services/lsm/policy.ts';
import { type Desk, openDesk } from '../allocator/support/desk.ts';
import { Shell } from '../allocator/support/shell.ts';
import { ControlGroupGround } from '../support/control-groups.ts';
import { config } from './pools.ts';
import { checkLater } from './report.ts';
import { until } from './server.ts';

const ordinary = 1000;
const state = '/home/group-state';
const ground = new ControlGroupGround();

/** The allocator and the policy, for real and both in this process, which passes their messages on. All can be dropped without a word. */
class Life {
  readonly #desk: Desk;
  readonly #policy: Policy;

  constructor() {
    this.#desk = openDesk({ control_groups: ground.mount }, {}, state);
    const tell = (namespace: string) => void this.#desk.fake.deliver('lsm', 'namespace.gone', { namespace });
    const { policy, reason } = loadPolicy(config('/sys/fs/bpf/postern'), tell);
    if (policy === null) throw new Error(reason);
    this.#policy = policy;
  }

  static async begin(): Promise<Life> {
    const life = new Life();
    await life.#desk.policy(true);
    return life;
  }

  async allocate(owner: number, shell: Shell, delegateContainerRanges: number): Promise<void> {
    const peer = { uid: owner, gid: owner, pid: process.pid };
    const answer = await this.#desk.allocate(shell, { peer, delegateContainerRanges });
    if (answer !== 'waiting') throw new Error(JSON.stringify(answer));
    const { payload, descriptors } = this.#desk.fake.take('range.restrict');
    const { request, namespace, transient, denySetgroups } = payload;
    for (const { fd } of descriptors) this.#policy.restrict(fd, namespace, { transient, denySetgroups });
    closeAll(descriptors);
    await this.#desk.fake.deliver('lsm', 'range.restricted', { request, namespace, refusal: null });
    this.#desk.fake.take('range.allocated');
  }

  async give(group: string, shell: Shell, owner: number): Promise<void> {
    const folder = new Descriptor(openSync(group, 'r'));
    const peer = { uid: owner, gid: owner, pid: process.pid };
    const answer = await this.#desk.addControlGroup(shell.namespace(), folder, { peer }, ({ fd }) => this.#policy.letGive(fd));
    if ('code' in answer) throw new Error(JSON.stringify(answer));
  }

  drop(): void {
    this.#policy.close();
    this.#desk.drop();
  }
}
let life: Life;

/** A namespace with a range, and a shell of its root. */
interface Ranged {
  readonly shell: Shell;
  readonly root: Shell;
  readonly base: number;
}

async function ranged(owner = ordinary, shell?: Shell, delegateContainerRanges = 0): Promise<Ranged> {
  const fresh = shell ?? (await Shell.start(owner));
  await life.allocate(owner, fresh, delegateContainerRanges);
  const base = Number(/^\s*0\s+(\d+)/.exec(readFileSync(`/proc/${fresh.pid}/uid_map`, 'utf8'))?.[1]);
  return { shell: fresh, root: await Shell.inside(fresh), base };
}

async function end({ shell, root }: Ranged): Promise<void> {
  await root.end();
  await shell.end();
}

async function given(range: Ranged): Promise<string> {
  const group = ground.make(ordinary);
  await life.give(group, range.shell, ordinary);
  return group;
}

/** Empty where a command worked, else what it complained of. */
const complaint = async (shell: Shell, command: string) => (await shell.ask(`{ ${command}; } 2>&1 >/dev/null`)).split(': ').at(-1) ?? '';
const works = async (shell: Shell, command: string) => {
  const said = await complaint(shell, command);
  return said === '' || `${command}: ${said}`;
};
const isDenied = async (shell: Shell, command: string, path: string) => {
  const said = await complaint(shell, command);
  return (
    (said === 'Operation not permitted' && !existsSync(path)) || `${command}: ${said}, and it ${existsSync(path) ? 'is' : 'is not'} there`
  );
};

/** All in the machine's control groups that belongs to an ID of these ranges. */
function leftOf(...bases: number[]): string[] {
  const isOf = (id: number) => bases.some((base) => id >= base && id < base + 65536);
  // it bears that folders go while it looks
  const { stdout } = spawnSync('find', [ground.mount, '-printf', '%U %G %P\n'], { encoding: 'utf8' });
  return stdout.split('\n').flatMap((line) => {
    const [uid, gid, ...name] = line.split(' ');
    return isOf(Number(uid)) || isOf(Number(gid)) ? [name.join(' ')] : [];
  });
}
/** Nothing is left of ranges a moment after their end. */
async function leavesNothing(...bases: number[]): Promise<string | true> {
  await until(
    `the end of ${leftOf(...bases)
      .slice(0, 5)
      .join(', ')}`,
    () => (leftOf(...bases).length === 0 ? true : undefined),
  );
  return true;
}

async function first(checks: readonly (() => Promise<string | true>)[]): Promise<string | true> {
  for (const each of checks) {
    const outcome = await each();
    if (outcome !== true) return outcome;
  }
  return true;
}

export async function controlGroups(): Promise<void> {
  mkdirSync(state);
  life = await Life.begin();
  spawnSync('sh', ['-c', `echo +pids > ${ground.mount}/cgroup.subtree_control; echo +pids > ${ground.folder}/cgroup.subtree_control`]);
  const range = await ranged();
  const group = ground.make(ordinary);
  await checkLater('a control group of its user goes to a range', async () => {
    await life.give(group, range.shell, ordinary);
    const { uid, gid } = statSync(group);
    return (uid === range.base && gid === range.base) || `it belongs to ${uid}:${gid}`;
  });
  await checkLater(
    'in a control group of its own a range makes others, to any depth, passes them on within itself, and uses controllers',
    () =>
      first([
        () => works(range.root, `mkdir -p ${group}/a/b`),
        () => works(range.root, `chown 7:7 ${group}/a/b ${group}/a/b/cgroup.procs`),
        () => works(range.root, `chmod 0750 ${group}/a/b && chmod 0777 ${group}/a`),
        () => works(range.root, `setpriv --reuid=9 --regid=9 --clear-groups mkdir ${group}/a/c`),
        () => works(range.root, `echo +pids > ${group}/cgroup.subtree_control && echo 5 > ${group}/a/pids.max`),
      ]),
  );
  const open = ground.make(0);
  chmodSync(open, 0o777);
  mkdirSync(join(open, 'child'));
  chmodSync(join(open, 'cgroup.subtree_control'), 0o666);
  const mine = ground.make(0);
  await checkLater("in anybody's control group it makes none", () => isDenied(range.root, `mkdir ${open}/new`, join(open, 'new')));
  await checkLater("nor a controller's files", async () => {
    const said = await complaint(range.root, `echo +pids > ${open}/cgroup.subtree_control`);
    return (said !== '' && leftOf(range.base).every((name) => join(ground.mount, name).startsWith(`${group}`))) || `it could: ${said}`;
  });
  await checkLater('nobody but the allocator gives a range a control group, root neither', async () => {
    // another process: in this one lives the allocator
    const { stderr } = spawnSync('chown', [`${range.base}:${range.base}`, mine], { encoding: 'utf8' });
    return stderr.includes('Operation not permitted') || `root could: ${stderr}`;
  });

  const outer = await ranged(ordinary, undefined, 2);
  const outers = await given(outer);
  await works(outer.root, `mkdir ${outers}/open ${outers}/nested && chmod 777 ${outers}/open`);
  const nested = await ranged(outer.base, await Shell.inside(outer.shell, ['unshare', '--user']));
  await checkLater('a nested range makes none in a control group of the outer one that anybody may write', () =>
    isDenied(nested.root, `mkdir ${outers}/open/new`, join(outers, 'open/new')),
  );
  await checkLater('but in one that the outer one gave it', async () => {
    await life.give(join(outers, 'nested'), nested.shell, outer.base);
    return works(nested.root, `mkdir -p ${outers}/nested/a/b`);
  });
  await checkLater('another range makes none in those of either', () =>
    first([
      () => isDenied(range.root, `mkdir ${outers}/open/new`, join(outers, 'open/new')),
      () => isDenied(nested.root, `mkdir ${group}/a/new`, join(group, 'a/new')),
      () => isDenied(outer.root, `mkdir ${outers}/nested/new`, join(outers, 'nested/new')),
    ]),
  );
  await checkLater("the nested range's end leaves nothing of its own, and the outer one's where it was", async () => {
    await end(nested);
    await leavesNothing(nested.base);
    return existsSync(join(outers, 'open')) || 'something of the outer range is gone';
  });
  await checkLater("a range's end leaves nothing of its own, though a process of the host is in it", async () => {
    const used = join(outers, 'open/used');
    await works(outer.root, `mkdir ${used}`);
    using _ = ground.processIn(used);
    await end(outer);
    const outcome = await leavesNothing(outer.base);
    return outcome === true ? existsSync(used) || 'what was in use is gone' : outcome;
  });
  await checkLater('nor where neither allocator nor policy service was there at the end', async () => {
    life.drop();
    const denied = await isDenied(range.root, `mkdir ${open}/new`, join(open, 'new'));
    if (denied !== true) return denied;
    const made = await works(range.root, `mkdir ${group}/late`);
    if (made !== true) return made;
    await end(range);
    if (leftOf(range.base).length === 0) return 'it was gone before anybody could take it back';
    life = await Life.begin();
    return await leavesNothing(range.base);
  });
  await checkLater('the next life gives control groups as well', async () => {
    const another = await ranged();
    const outcome = await works(another.root, `mkdir ${await given(another)}/new`);
    await end(another);
    return outcome;
  });
  life.drop();
}
