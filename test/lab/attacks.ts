/**
 * The attack table: each way tried where nothing guards, where only the five path hooks do, under the whole policy, and on a mount that was
 * handed out; each as root of the range and as another of its IDs.
 */
import { chmodSync, chownSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { native } from '../../native/index.ts';
import { loadPolicy } from '../../services/lsm/load.ts';
import { lift } from '../../services/lsm/pins.ts';
import type { Policy } from '../../services/lsm/policy.ts';
import { bookkeeping, type Program, pathHooks, programs } from '../../services/lsm/programs.ts';
import { leftBehind, makeFileSystem, prepare } from './ground.ts';
import { config } from './pools.ts';
import { attackNames, makeRange, tryAttacks } from './range.ts';
import { check, data } from './report.ts';

/** Store no transient ID where it could outlive the range: must work under the policy too. */
const harmless = new Set([
  'write to a world-writable file',
  'overlay on a tmpfs of its own',
  'tmpfs of its own',
  'memfd',
  'file lease',
  'fuse mount of its own',
  'cgroup in one of its own',
  'controller in a cgroup of its own',
]);

const identities = [0, 1000];
const openTreeClone = 1 | 0o2000000;
const mountAttrIdmap = 0x100000;

type Outcomes = Map<number, Map<string, string>>;

function inForce(pins: string, all: readonly Program[]): Policy {
  const { policy, reason } = loadPolicy(config(pins), () => undefined, all);
  if (policy === null) throw new Error(reason);
  return policy;
}

const groups = '/sys/fs/cgroup';
/** Who owns each at first; anybody may write in all of them. */
const groupOwners = { given: 0, open: 0, others: 524288 + 5000 * 65536 };

function makeGroups(): void {
  writeFileSync(join(groups, 'cgroup.subtree_control'), '+pids');
  for (const [name, owner] of Object.entries(groupOwners)) {
    const group = join(groups, name);
    mkdirSync(join(group, 'child'), { recursive: true });
    chmodSync(group, 0o777);
    chmodSync(join(group, 'cgroup.subtree_control'), 0o666);
    chownSync(group, owner, owner);
  }
}

/** Removes what attacks made in a group. */
function emptyGroup(group: string): void {
  for (const name of readdirSync(group)) if (name.startsWith('below-')) rmdirSync(join(group, name));
}

/** One round on the host's own file system. */
async function onTheHost(policy: Policy | null, base: number, folder: string): Promise<Outcomes> {
  for (const uid of identities) prepare(join(folder, String(uid)), attackNames, base + uid);
  for (const name of ['', 'cgroup.subtree_control', 'child']) chownSync(join(groups, 'given', name), base, base);
  const range = await makeRange(policy, base);
  const outcomes = new Map(identities.map((uid) => [uid, tryAttacks(range, uid, join(folder, String(uid)), attackNames)]));
  await range.end();
  for (const name of Object.keys(groupOwners)) emptyGroup(join(groups, name));
  return outcomes;
}

/** The same on a mount handed out for the range, and in namespaces of its own. */
async function onALentMount(policy: Policy, base: number, folder: string): Promise<Outcomes> {
  for (const uid of identities) prepare(join(folder, String(uid)), attackNames, uid);
  const range = await makeRange(policy, base);
  const outcomes: Outcomes = new Map();
  for (const uid of identities) {
    const mount = native.openTree(null, folder, openTreeClone);
    native.mountSetattr(mount, mountAttrIdmap, 0, range.fd, false);
    policy.allow(range.fd, [mount]);
    outcomes.set(uid, tryAttacks(range, uid, `/tmp/attached/${uid}`, attackNames, mount));
    native.close(mount);
  }
  await range.end();
  return outcomes;
}

/** Twins that the kernel itself or the policy refuses for a reason. */
const withoutTwin = new Map([
  ["cgroup in anybody's", 'a cgroup is given, not lent'],
  ["cgroup in another range's", 'a cgroup is given, not lent'],
  ["controller in anybody's cgroup", 'a cgroup is given, not lent'],
  ['descriptor passed out and linked', 'whoever is outside of the range has no ID on its mounts, root of the host neither'],
]);

export async function attackTable(): Promise<void> {
  writeFileSync('/proc/sys/kernel/core_pattern', 'core');
  writeFileSync('/proc/sys/fs/protected_hardlinks', '0');
  makeGroups();
  chmodSync('/dev/fuse', 0o666);
  const block = 65536;
  const first = 524288;
  for (const [name, kind] of [
    ['bare', 'ext4'],
    ['five', 'ext4'],
    ['host', 'ext4'],
    ['hosttmp', 'tmpfs'],
    ['lent', 'ext4'],
  ] as const) {
    makeFileSystem(kind, `/home/${name}`);
  }
  const bare = await onTheHost(null, first, '/home/bare');

  const fivePins = '/sys/fs/bpf/five';
  const fivePolicy = inForce(fivePins, [...bookkeeping, ...pathHooks]);
  const five = await onTheHost(fivePolicy, first + block, '/home/five');
  fivePolicy.close();
  lift(fivePins);

  const policy = inForce('/sys/fs/bpf/postern', programs);
  const guarded = await onTheHost(policy, first + 2 * block, '/home/host');
  const guardedTmpfs = await onTheHost(policy, first + 3 * block, '/home/hosttmp');
  const lent = await onALentMount(policy, first + 4 * block, '/home/lent');
  policy.close();

  for (const name of attackNames) {
    check(`attack: ${name}`, () => {
      const problems: string[] = [];
      for (const uid of identities) {
        const of = (outcomes: Outcomes) => outcomes.get(uid)?.get(name) ?? 'BROKEN';
        data({ attack: name, uid, bare: of(bare), five: of(five), guarded: of(guarded), tmpfs: of(guardedTmpfs), lent: of(lent) });
        for (const outcomes of [bare, five, guarded, guardedTmpfs, lent]) if (of(outcomes) === 'BROKEN') problems.push(`${uid}: broken`);
        const real = of(bare) === '';
        if (!['', 'EPERM', 'EACCES', 'ESTALE'].includes(of(bare))) problems.push(`${uid}: badly tried, ${of(bare)} where nothing guards`);
        if (harmless.has(name)) {
          if (real && of(guarded) !== '') problems.push(`${uid}: is harmless and was stopped by ${of(guarded)}`);
          continue;
        }
        if (of(guarded) === '' || of(guardedTmpfs) === '') problems.push(`${uid}: got through`);
        if (real && of(lent) !== '' && !withoutTwin.has(name)) problems.push(`${uid}: its twin on a lent mount was stopped by ${of(lent)}`);
      }
      return problems.length === 0 || problems.join('; ');
    });
  }
  check('the attacks are real: most get through where nothing guards', () => {
    const through = attackNames.filter((name) => bare.get(0)?.get(name) === '').length;
    return through >= 40 || `only ${through}`;
  });
  check('the five path hooks alone miss some', () => {
    const missed = attackNames.filter((name) => !harmless.has(name) && five.get(0)?.get(name) === '');
    data({ missedByFive: missed });
    return missed.length > 0 || 'none';
  });
  for (const [name, number] of [
    ['host', 2],
    ['hosttmp', 3],
  ] as const) {
    check(`nothing of a transient ID is left on the host (${name})`, () => {
      const left = identities.flatMap((uid) => leftBehind(join('/home', name, String(uid)), first + number * block));
      return left.length === 0 || left.join(', ');
    });
  }
}
