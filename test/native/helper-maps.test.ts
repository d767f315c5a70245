/** ID maps written and read from nothing but a descriptor of a user namespace. */
import { openSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Helper, Holder, isRoot, maps, native, outcome } from './parts/native.ts';

const range = 65_536;
const first = 524_288;

describe.skipIf(!isRoot)('the maps of a namespace', () => {
  it('are written, both, with several lines', async () => {
    using helper = new Helper();
    using holder = await Holder.start();
    native.helperWriteMaps(helper.socket, holder.userNamespace, maps([0, first, range], [range, first + 2 * range, range]), false);
    const written = [
      [0, first, range],
      [range, first + 2 * range, range],
    ];
    expect(holder.map('uid_map')).toEqual(written);
    expect(holder.map('gid_map')).toEqual(written);
    expect(readFileSync(`/proc/${holder.pid}/setgroups`, 'utf8')).toBe('allow\n');
  });

  it('may have as many lines as the largest allocation needs, and no more', async () => {
    using helper = new Helper();
    using holder = await Holder.start();
    const lines = Array.from({ length: 18 }, (_, i) => [i * range, first + 2 * i * range, range] as const);
    expect(outcome(() => native.helperWriteMaps(helper.socket, holder.userNamespace, maps(...lines, [0, 0, 1]), false))).toBe(
      'ERR_INVALID_ARG_VALUE',
    );
    expect(outcome(() => native.helperWriteMaps(helper.socket, holder.userNamespace, maps(), false))).toBe('ERR_INVALID_ARG_VALUE');
    native.helperWriteMaps(helper.socket, holder.userNamespace, maps(...lines), false);
    expect(holder.map('uid_map')).toHaveLength(18);
  });

  it('come with setgroups denied where that is asked', async () => {
    using helper = new Helper();
    using holder = await Holder.start();
    native.helperWriteMaps(helper.socket, holder.userNamespace, maps([0, first, 1]), true);
    expect(readFileSync(`/proc/${holder.pid}/setgroups`, 'utf8')).toBe('deny\n');
  });

  it('are read back as they are', async () => {
    using helper = new Helper();
    using holder = await Holder.start();
    expect(native.helperReadMaps(helper.socket, holder.userNamespace)).toEqual(maps());
    native.helperWriteMaps(helper.socket, holder.userNamespace, maps([0, first, range]), false);
    expect(native.helperReadMaps(helper.socket, holder.userNamespace)).toEqual(maps([0, first, range]));
  });

  it('can be read of the namespace that we are in, which nobody can enter', () => {
    using helper = new Helper();
    const own = native.ownUserNamespace();
    expect(native.helperReadMaps(helper.socket, own).uid[0]).toMatchObject({ inside: 0, outside: 0 });
    native.close(own);
  });

  it('are never written twice', async () => {
    using helper = new Helper();
    using holder = await Holder.start();
    native.helperWriteMaps(helper.socket, holder.userNamespace, maps([0, first, range]), false);
    expect(outcome(() => native.helperWriteMaps(helper.socket, holder.userNamespace, maps([0, first + range, range]), false))).toBe(
      'EEXIST',
    );
    expect(holder.map('uid_map')).toEqual([[0, first, range]]);
  });

  it('are left alone where its owner wrote just one of them', async () => {
    using helper = new Helper();
    using holder = await Holder.start(['-U', '--map-user=0', '--setgroups=deny']);
    expect(holder.map('gid_map')).toEqual([]);
    expect(outcome(() => native.helperWriteMaps(helper.socket, holder.userNamespace, maps([0, first, range]), false))).toBe('EEXIST');
    expect(holder.map('gid_map')).toEqual([]);
  });

  it('that the kernel refuses are not written at all', async () => {
    using helper = new Helper();
    using holder = await Holder.start();
    const overlapping = maps([0, first, range], [1, first + range, range]);
    expect(outcome(() => native.helperWriteMaps(helper.socket, holder.userNamespace, overlapping, false))).toBe('EINVAL');
    expect(holder.map('uid_map')).toEqual([]);
    expect(holder.map('gid_map')).toEqual([]);
  });

  it('are written through the parent namespace, at any depth', async () => {
    using helper = new Helper();
    using outer = await Holder.start();
    native.helperWriteMaps(helper.socket, outer.userNamespace, maps([0, first, range], [range, first + range, 2 * range]), false);
    using middle = await Holder.start(['-U'], outer.enter());
    // in the parent's terms: its second and third range
    native.helperWriteMaps(helper.socket, middle.userNamespace, maps([0, range, range], [range, 2 * range, range]), false);
    using inner = await Holder.start(['-U'], middle.enter());
    native.helperWriteMaps(helper.socket, inner.userNamespace, maps([0, range, range]), false);
    // as the host sees it
    expect(native.helperReadMaps(helper.socket, middle.userNamespace)).toEqual(
      maps([0, first + range, range], [range, first + 2 * range, range]),
    );
    expect(native.helperReadMaps(helper.socket, inner.userNamespace)).toEqual(maps([0, first + 2 * range, range]));
    expect(outcome(() => native.helperWriteMaps(helper.socket, inner.userNamespace, maps([0, range, range]), false))).toBe('EEXIST');
  });

  it('of a parent that does not hold the IDs are refused', async () => {
    using helper = new Helper();
    using outer = await Holder.start();
    native.helperWriteMaps(helper.socket, outer.userNamespace, maps([0, first, range]), false);
    using inner = await Holder.start(['-U'], outer.enter());
    expect(outcome(() => native.helperWriteMaps(helper.socket, inner.userNamespace, maps([0, range, range]), false))).toBe('EPERM');
    expect(inner.map('uid_map')).toEqual([]);
  });

  it('are written although everybody in it has died: the descriptor keeps it', async () => {
    using helper = new Helper();
    using holder = await Holder.start();
    await holder.kill();
    native.helperWriteMaps(helper.socket, holder.userNamespace, maps([0, first, range]), false);
    expect(native.helperReadMaps(helper.socket, holder.userNamespace)).toEqual(maps([0, first, range]));
  });

  it('are not written for what is no user namespace, nor for one above us', async () => {
    using helper = new Helper();
    const own = native.ownUserNamespace();
    expect(outcome(() => native.helperWriteMaps(helper.socket, 0, maps([0, first, 1]), false))).toBe('ENOTTY');
    expect(outcome(() => native.helperWriteMaps(helper.socket, own, maps([0, first, 1]), false))).toBe('EPERM');
    expect(outcome(() => native.helperReadMaps(helper.socket, 0))).toBe('ENOTTY');
    using holder = await Holder.start(['-U', '-n']);
    const network = openSync(`/proc/${holder.pid}/ns/net`, 'r');
    expect(outcome(() => native.helperReadMaps(helper.socket, network))).toBe('EINVAL');
    native.close(network);
    native.close(own);
  });
});
