/** Beginnings and ends: what is heard, what outlives what, and that no process matters for the policy being in force. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { native } from '../../native/index.ts';
import { loadPolicy } from '../../services/lsm/load.ts';
import type { Policy } from '../../services/lsm/policy.ts';
import { programs } from '../../services/lsm/programs.ts';
import { makeFileSystem, prepare } from './ground.ts';
import { config } from './pools.ts';
import { makeNamespace, makeRange, tryAttacks } from './range.ts';
import { checkLater, data } from './report.ts';

const pins = '/sys/fs/bpf/postern';
const ground = '/home/lives';
/** a part of the pool that the attack table does not use */
const firstBase = 524288 + 1000 * 65536;
let next = 0;
const newBase = () => firstBase + 65536 * next++;
/** within this long a range is to be recycled */
const deathLimitMs = 100;

function inForce(onGone: (name: string) => void, all = programs, transient = config(pins).transient): { policy: Policy; reason: string } {
  const { policy, reason } = loadPolicy({ pins, transient }, onGone, all);
  if (policy === null) throw new Error(reason);
  return { policy, reason };
}

/** A folder for one attack, anybody's to write. */
function folderFor(attack: string): string {
  const folder = `${ground}/${next++}`;
  mkdirSync(`${folder}/${attack}`, { recursive: true });
  chmodSync(`${folder}/${attack}`, 0o777);
  return folder;
}

const denied = (outcome: string | undefined) => outcome === 'EPERM' || `answered ${outcome === '' ? 'success' : outcome}`;

/** Waits for a name among those that were heard to be gone; how long it took, or null. */
async function heardWithin(gone: readonly string[], name: string, ms: number): Promise<number | null> {
  const start = performance.now();
  while (performance.now() - start < ms) {
    if (gone.includes(name)) return performance.now() - start;
    await sleep(1);
  }
  return null;
}

async function endIsHeard(): Promise<string | true> {
  const gone: string[] = [];
  const { policy } = inForce((name) => gone.push(name));
  try {
    const range = await makeRange(policy, newBase());
    await range.end();
    const took = await heardWithin(gone, range.name, 5_000);
    if (took !== null) data({ deathHeardMs: Math.round(took * 10) / 10 });
    if (took === null) return 'never heard';
    return took < deathLimitMs || `heard after ${took} ms`;
  } finally {
    policy.close();
  }
}

async function pinnedIsNotGone(): Promise<string | true> {
  const gone: string[] = [];
  const { policy } = inForce((name) => gone.push(name));
  try {
    const range = await makeRange(policy, newBase());
    const pin = native.duplicate(range.fd);
    await range.end();
    if ((await heardWithin(gone, range.name, 300)) !== null) return 'heard while a descriptor was held';
    native.close(pin);
    return (await heardWithin(gone, range.name, 5_000)) !== null || 'not heard after the last descriptor';
  } finally {
    policy.close();
  }
}

async function unheardEndIsMadeUpFor(): Promise<string | true> {
  const first = inForce(() => undefined);
  const range = await makeRange(first.policy, newBase());
  first.policy.close();
  await range.end();
  await sleep(200);
  const gone: string[] = [];
  const second = inForce((name) => gone.push(name));
  const heard = await heardWithin(gone, range.name, 2_000);
  second.policy.close();
  if (!second.reason.includes('taken over')) return second.reason;
  return heard !== null || 'the end while nobody listened was lost';
}

/** A service of its own process, killed without warning between restricting and mapping. */
async function killedService(): Promise<string | true> {
  const { holder, pid, fd } = await makeNamespace();
  const base = newBase();
  const service = spawn(process.execPath, [process.argv[1] ?? '', 'restrict', String(pid)], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (service.stdout === null) return 'no service';
  await once(service.stdout, 'data');
  service.kill('SIGKILL');
  await once(service, 'exit');
  for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${pid}/${map}`, `0 ${base} 65536`);
  const outcome = tryAttacks({ name: '', base, pid, fd, end: async () => undefined }, 0, folderFor('create'), ['create']).get('create');
  native.close(fd);
  holder.stdin?.end();
  await once(holder, 'exit');
  return denied(outcome);
}

/** The part of `killedService` in the process that is killed. */
export function restrictAndWait(pid: string): void {
  const { policy } = inForce(() => undefined);
  policy.restrict(openSync(`/proc/${pid}/ns/user`, 'r'), `test:${pid}`, { transient: true, denySetgroups: false });
  process.stdout.write('restricted\n');
  setInterval(() => undefined, 1000);
}

/**
 * Keeps this process, and what it starts, on some processors. An emulated processor may run an instruction that another one has just
 * patched as it was a moment before (QEMU 7.2: the guest's kernel dies of a stale int3); a real one does not.
 */
function stayOn(processors: string): void {
  execFileSync('taskset', ['--all-tasks', '--pid', '--cpu-list', processors, String(process.pid)], { stdio: 'ignore' });
}

async function replacedWithoutAGap(): Promise<string | true> {
  stayOn('0');
  try {
    return await replaceUnderAttack();
  } finally {
    stayOn('0,1');
  }
}

async function replaceUnderAttack(): Promise<string | true> {
  const before = inForce(() => undefined);
  const range = await makeRange(before.policy, newBase());
  const folder = folderFor('create');
  const attacker = spawn('dist/lab-attack', ['loop', String(range.pid), `${folder}/create`], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (attacker.stdout === null) return 'no attacker';
  let said = '';
  attacker.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await once(attacker.stdout, 'data');
  const reasons: string[] = [];
  for (const last of [61000 + 4000, 65519]) {
    const changed = inForce(() => undefined, programs, [
      { first: 61184, last },
      { first: 524288, last: 1879048191 },
    ]);
    reasons.push(changed.reason);
    changed.policy.close();
  }
  attacker.stdin?.end();
  await once(attacker, 'exit');
  before.policy.close();
  await range.end();
  const [tries, successes] = said.trim().split('\n').at(-1)?.split(' ').map(Number) ?? [];
  data({ triesDuringTwoReplacements: tries ?? 0 });
  if (!reasons.every((reason) => reason.includes('loaded'))) return reasons.join();
  if ((tries ?? 0) === 0) return `nothing was tried: ${said}`;
  return (successes === 0 && readdirSync(`${folder}/create`).length === 0) || `${successes} of ${tries} got through`;
}

async function ownIdKeepsItsGroups(): Promise<string | true> {
  const { policy } = inForce(() => undefined);
  const { holder, pid, fd } = await makeNamespace();
  policy.restrict(fd, 'test:own', { transient: false, denySetgroups: true });
  for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${pid}/${map}`, '0 1000 1');
  const { stdout } = spawnSync('dist/lab-attack', ['groups', String(pid)], { encoding: 'utf8' });
  native.close(fd);
  holder.stdin?.end();
  await once(holder, 'exit');
  policy.close();
  return denied(stdout.trim());
}

async function allowanceEndsWithItsNamespace(): Promise<string | true> {
  const { policy } = inForce(() => undefined);
  try {
    // before 6.3 a tmpfs takes no idmap
    const lasting = `${ground}/lasting`;
    makeFileSystem('ext4', lasting);
    const folder = `${lasting}/lent`;
    prepare(folder, ['create'], 0);
    const other = await makeRange(policy, newBase());
    const range = await makeRange(policy, newBase());
    const mount = native.openTree(null, folder, 1 | 0o2000000);
    native.mountSetattr(mount, 0x100000, 0, other.fd, false);
    policy.allow(other.fd, [mount]);
    const outcome = tryAttacks(range, 0, '/tmp/attached', ['create'], mount).get('create');
    native.close(mount);
    await other.end();
    await range.end();
    return (outcome !== '' && outcome !== undefined) || 'another range could use it';
  } finally {
    policy.close();
  }
}

export async function livesAndDeaths(): Promise<void> {
  mkdirSync(ground);
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'lives', ground]);
  await checkLater('the end of a namespace is heard within 100 ms', endIsHeard);
  await checkLater('a namespace that a descriptor pins is not called gone', pinnedIsNotGone);
  await checkLater('an end while no service ran is told to the next', unheardEndIsMadeUpFor);
  await checkLater('a service killed between restricting and mapping leaves the namespace restricted', killedService);
  await checkLater('programs are replaced without a moment unenforced', replacedWithoutAGap);
  await checkLater('a namespace of its creator’s own ID keeps its groups', ownIdKeepsItsGroups);
  await checkLater('a mount handed out for one range is of no use to another', allowanceEndsWithItsNamespace);
}
