/** Control groups are opened by their numbers, given to an owner, and taken back with all below. */
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { native } from '../../native/index.ts';
import { ControlGroupGround, whyNoControlGroups } from '../support/control-groups.ts';

const owner = 786432;

describe.skipIf(whyNoControlGroups !== null)(`a control group${whyNoControlGroups === null ? '' : ` (${whyNoControlGroups})`}`, () => {
  const ground = new ControlGroupGround();
  let mount: number;
  let group: string;
  beforeAll(() => {
    mount = openSync(ground.mount, 'r');
  });
  afterAll(() => {
    closeSync(mount);
    ground.remove();
  });
  beforeEach(() => {
    group = ground.make(1000);
  });

  const numberOf = (path: string) => statSync(path, { bigint: true }).ino;
  const ownerOf = (path: string) => [statSync(path).uid, statSync(path).gid, statSync(path).mode & 0o7777];
  const open = (path: string) => {
    const fd = native.openControlGroup(mount, numberOf(path));
    if (fd === null) throw new Error(`${path} is gone`);
    return fd;
  };
  async function takeBack(path: string) {
    const fd = open(path);
    try {
      return await native.takeBackControlGroup(fd);
    } finally {
      closeSync(fd);
    }
  }
  const transientBelow = (path: string) =>
    readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => {
      const { uid, gid } = statSync(join(path, name));
      return uid >= owner || gid >= owner;
    });

  it('is found by its number, and not any more once it is gone', () => {
    const number = numberOf(group);
    const fd = open(group);
    expect(native.describe(fd).inode).toBe(number);
    closeSync(fd);
    ground.removeNow(group);
    expect(native.openControlGroup(mount, number)).toBeNull();
  });

  it('is given with what its owner must be able to write, and nothing else', () => {
    chmodSync(join(group, 'cgroup.procs'), 0o600);
    chmodSync(group, 0o777);
    const fd = open(group);
    native.giveControlGroup(fd, owner);
    closeSync(fd);
    expect(ownerOf(group)).toEqual([owner, owner, 0o755]);
    const given = readdirSync(group).filter((name) => statSync(join(group, name)).uid === owner);
    expect(given.sort()).toEqual(['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads']);
    for (const name of given) expect(ownerOf(join(group, name))).toEqual([owner, owner, 0o644]);
  });

  it('is not given where a step fails, which leaves no trace', () => {
    const elsewhere = openSync('/proc/self', 'r');
    expect(() => native.giveControlGroup(elsewhere, owner)).toThrow(expect.objectContaining({ code: 'ENOENT', syscall: 'fstatat' }));
    closeSync(elsewhere);
    // procfs lets root give away what it shows as little as it lets others
    const without = ground.make(1000);
    const fd = open(without);
    ground.removeNow(without);
    expect(() => native.giveControlGroup(fd, owner)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    closeSync(fd);
  });

  it('is removed with all below, however closed its owner made it', async () => {
    mkdirSync(join(group, 'a/b/c'), { recursive: true });
    mkdirSync(join(group, 'd'));
    for (const path of ['a/b/c', 'a/b', 'a', 'd', '.']) {
      chownSync(join(group, path), owner, owner);
      chmodSync(join(group, path), 0);
    }
    expect(await takeBack(group)).toEqual({ removed: 5, kept: 0 });
    expect(existsSync(group)).toBe(false);
  });

  it('is removed from a folder whose owner alone may write in it', async () => {
    const inner = join(group, 'inner');
    mkdirSync(inner);
    chownSync(inner, owner, owner);
    chmodSync(group, 0o700);
    expect(await takeBack(inner)).toEqual({ removed: 1, kept: 0 });
    expect(existsSync(group)).toBe(true);
  });

  it('becomes root’s where a process is in it, as do all folders on the way; the rest is removed', async () => {
    const used = join(group, 'a/used');
    mkdirSync(used, { recursive: true });
    mkdirSync(join(group, 'a/free'));
    for (const path of [group, join(group, 'a'), used]) {
      for (const name of ['.', ...readdirSync(path)]) chownSync(join(path, name), owner, owner);
    }
    chmodSync(join(used, 'cgroup.procs'), 0o666);
    using _ = ground.processIn(used);
    expect(await takeBack(group)).toEqual({ removed: 1, kept: 3 });
    expect(transientBelow(group)).toEqual([]);
    expect(ownerOf(group)).toEqual([0, 0, 0o755]);
    expect(ownerOf(join(used, 'cgroup.procs'))).toEqual([0, 0, 0o644]);
  });

  it('of hundreds in depth and breadth is removed, and the main thread goes on meanwhile', async () => {
    let deep = group;
    for (let i = 0; i < 150; i++) {
      deep = join(deep, 'n');
      mkdirSync(deep);
    }
    for (let i = 0; i < 300; i++) mkdirSync(join(group, `w${i}`));
    let turns = 0;
    const watch = setInterval(() => turns++, 0);
    expect(await takeBack(group)).toEqual({ removed: 451, kept: 0 });
    clearInterval(watch);
    expect(turns).toBeGreaterThan(0);
    expect(existsSync(group)).toBe(false);
  });

  it('leaves no descriptor open', async () => {
    const before = readdirSync('/proc/self/fd').length;
    mkdirSync(join(group, 'below'));
    await takeBack(group);
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  it('can be taken back though somebody else removes it meanwhile', async () => {
    const fd = open(group);
    ground.removeNow(group);
    expect(await native.takeBackControlGroup(fd)).toMatchObject({ kept: 0 });
    closeSync(fd);
  });
});
