/** MountDirectory and MakeDirectory by the whole of a running Postern: whose directory may be mounted, how its owners appear, and what its new owner can't do. */
import { chmodSync, chownSync, constants, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CallError, type MountDirectoryOptions, PosternClient } from '../../client/client.ts';
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import { openFlags } from '../../native/constants.ts';
import { native } from '../../native/index.ts';
import { Shell } from '../allocator/support/shell.ts';
import { type Client, startClient } from '../mounter/namespace.ts';
import { connectAs } from '../support/connect-as.ts';
import { hasSharedData, isRoot, run, Server, workshop } from '../support/serve.ts';

const ordinary = 1000;
const foreign = 2147352576;

describe.skipIf(!isRoot || !hasSharedData)('a directory (needs root and the shared images)', () => {
  let shop: ReturnType<typeof workshop>;
  let server: Server;
  let postern: PosternClient;
  let asRoot: PosternClient;
  let client: Client;
  let base: number;
  let clients = 0;

  beforeAll(async () => {
    shop = workshop();
    server = await Server.start({ folder: shop.folder, trust: shop.trust });
    postern = connectAs(ordinary, server.socket);
    asRoot = PosternClient.connect(server.socket);
  });
  afterAll(async () => {
    postern?.close();
    asRoot?.close();
    await server?.stop();
    shop?.[Symbol.dispose]();
  });
  beforeEach(async () => {
    client = await startClient();
    // a name of its own: the end of the last test's namespace, which gives a name back, is heard a moment later
    await postern.allocate({ name: `d${++clients}`, userNamespace: client.namespace });
    base = Number(/^\s*0\s+(\d+)/.exec(readFileSync(`/proc/${client.pid}/uid_map`, 'utf8'))?.[1]);
    await client.do('become');
  });
  afterEach(() => client[Symbol.asyncDispose]());

  /** A folder with a file, a device and a set-user-ID program in it, owned by somebody. */
  function makeFolder(name: string, owner: number, inside = shop.folder): string {
    const folder = join(inside, name);
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(join(folder, 'file'), 'hello');
    for (const path of [folder, join(folder, 'file')]) chownSync(path, owner, owner);
    return folder;
  }
  let folders = 0;
  const aFolder = (owner: number, inside?: string) => makeFolder(`folder${++folders}`, owner, inside);

  const mountOf = async (path: string, options: Partial<MountDirectoryOptions> = {}, by: PosternClient = postern) => {
    using directory = new Descriptor(openSync(path, constants.O_DIRECTORY | openFlags.O_PATH));
    return by.mountDirectory({ directory, userNamespace: client.namespace, ...options });
  };
  const codeOf = async (path: string, options: Partial<MountDirectoryOptions> = {}) => {
    try {
      closeAll([await mountOf(path, options)]);
      return 'accepted';
    } catch (thrown) {
      return thrown instanceof CallError ? [thrown.error, thrown.reason] : String(thrown);
    }
  };

  it("of the caller's own is root's inside, and what root writes there is the caller's outside", async () => {
    const folder = aFolder(ordinary);
    await client.attach([await mountOf(folder)]);
    expect(await client.do('owner', { file: 'file' })).toBe('0:0');
    expect(await client.do('read', { file: 'file' })).toBe('hello');
    expect(await client.do('write', { file: 'new' })).toBe('ok');
    const { uid, gid } = lstatSync(join(folder, 'new'));
    expect([uid, gid]).toEqual([ordinary, ordinary]);
  });

  it('of the foreign range in one of the caller is the range, root its first', async () => {
    const own = aFolder(ordinary);
    const folder = aFolder(foreign, own);
    writeFileSync(join(folder, 'other'), '');
    chownSync(join(folder, 'other'), foreign + 7, foreign + 8);
    await client.attach([await mountOf(folder)]);
    expect(await client.do('owner', { file: 'file' })).toBe('0:0');
    expect(await client.do('owner', { file: 'other' })).toBe('7:8');
    expect(await client.do('write', { file: 'new' })).toBe('ok');
    expect(lstatSync(join(folder, 'new')).uid).toBe(foreign);
  });

  it('has its flags locked: none can be cleared', async () => {
    await client.attach([await mountOf(aFolder(ordinary), { readOnly: true })]);
    for (const flag of ['readOnly', 'noSuid', 'noDevices']) {
      expect(await client.do('clear', { flag }), flag).toBe('EPERM');
      expect(await client.do('clearOnClone', { flag }), flag).toBe('EPERM');
      expect(await client.do('clearNested', { flag }), flag).toBe('EPERM');
    }
  });

  it('is read-only where that is asked for', async () => {
    await client.attach([await mountOf(aFolder(ordinary), { readOnly: true })]);
    expect(await client.do('write', { file: 'new' })).toBe('EROFS');
  });

  it('opens no device', async () => {
    const folder = aFolder(ordinary);
    await run('mknod', [join(folder, 'zero'), 'c', '1', '5']);
    chmodSync(join(folder, 'zero'), 0o666);
    await client.attach([await mountOf(folder)]);
    expect(await client.do('open', { file: 'zero' })).toBe('EACCES');
  });

  it('keeps its owners in mode identity: inside they are nobody', async () => {
    const folder = aFolder(ordinary);
    chmodSync(folder, 0o755);
    await client.attach([await mountOf(folder, { mode: 'identity' })]);
    expect(await client.do('owner', { file: 'file' })).toBe('65534:65534');
    expect(await client.do('write', { file: 'new' })).toBe('EACCES');
  });

  it('shows nothing of what is mounted below it', async () => {
    const folder = aFolder(ordinary);
    mkdirSync(join(folder, 'below'));
    await run('mount', ['-t', 'tmpfs', 'tmpfs', join(folder, 'below')]);
    try {
      writeFileSync(join(folder, 'below/secret'), '');
      await client.attach([await mountOf(folder)]);
      expect(await client.do('read', { file: 'below/secret' })).toBe('ENOENT');
    } finally {
      await run('umount', [join(folder, 'below')]);
    }
  });

  it('of root may be mounted by root, for the host too', async () => {
    const folder = aFolder(0);
    closeAll([await mountOf(folder, {}, asRoot)]);
    using directory = new Descriptor(openSync(folder, 'r'));
    closeAll([await asRoot.mountDirectory({ directory })]);
  });

  const denied = ['org.varlink.service.PermissionDenied', 'DIRECTORY_NOT_YOURS'];
  const invalid = 'org.varlink.service.InvalidParameter';

  it('of root or of another user is refused', async () => {
    expect(await codeOf(aFolder(0))).toEqual(denied);
    expect(await codeOf(aFolder(1001))).toEqual(denied);
    expect(await codeOf(aFolder(1001), { mode: 'identity' })).toEqual(denied);
  });

  it("of the foreign range in another user's folder is refused, also where the caller mounts it at home", async () => {
    const theirs = aFolder(foreign, aFolder(1001));
    expect(await codeOf(theirs)).toEqual(denied);
    const home = aFolder(ordinary);
    mkdirSync(join(home, 'at'));
    await run('mount', ['--bind', theirs, join(home, 'at')]);
    try {
      expect(await codeOf(join(home, 'at'))).toEqual(denied);
    } finally {
      await run('umount', [join(home, 'at')]);
    }
  });

  it("of an ID of a range is refused, lest that ID get onto a lasting disk by another's hand", async () => {
    const shell = await Shell.start(base);
    try {
      using tenant = connectAs(base, server.socket);
      using userNamespace = shell.namespace();
      await tenant.allocate({ name: 'tenant', userNamespace });
      const mounted = mountOf(aFolder(base), { userNamespace }, tenant);
      await expect(mounted).rejects.toMatchObject({ error: denied[0], reason: 'DIRECTORY_TRANSIENT' });
    } finally {
      await shell.end();
    }
  });

  it('for a namespace without a range of its own is refused but in mode identity', async () => {
    const folder = aFolder(ordinary);
    await using stranger = await startClient(1);
    expect(await codeOf(folder, { userNamespace: stranger.namespace })).toEqual([invalid, 'NAMESPACE_UNMAPPED']);
    using own = new Descriptor(openSync('/proc/self/ns/user', 'r'));
    expect(await codeOf(folder, { userNamespace: own })).toEqual(['org.varlink.service.PermissionDenied', 'PERMISSION_DENIED']);
  });

  it('that is no directory, or was opened in an unsafe way, is refused by name', async () => {
    const folder = aFolder(ordinary);
    using file = new Descriptor(openSync(join(folder, 'file'), 'r'));
    expect(await codeOf(folder, { directory: file })).toEqual([invalid, 'DESCRIPTOR_TYPE']);
    using unsafe = new Descriptor(openSync(folder, constants.O_DIRECTORY | constants.O_NONBLOCK));
    expect(await codeOf(folder, { directory: unsafe })).toEqual(['io.systemd.MountFileSystem.BadFileDescriptorFlags', 'DESCRIPTOR_FLAGS']);
  });

  it("of another mount namespace than the caller's is refused", async () => {
    const folder = aFolder(ordinary);
    using elsewhere = new Descriptor(openSync(`/proc/${client.pid}/root${folder}`, constants.O_DIRECTORY | openFlags.O_PATH));
    expect(await codeOf(folder, { directory: elsewhere })).toEqual([invalid, 'DIRECTORY_ELSEWHERE']);
  });

  describe('made in another', () => {
    const make = async (path: string, options: { name?: string; mode?: number; flags?: number } = {}) => {
      const { name = 'made', flags = constants.O_RDONLY, ...rest } = options;
      using parent = new Descriptor(openSync(path, constants.O_DIRECTORY | flags));
      using made = await postern.makeDirectory({ parent, name, ...rest });
      const { ino, uid, gid, mode } = lstatSync(join(path, name));
      expect(native.describe(made.fd)).toMatchObject({ type: 'directory', access: 'read', inode: BigInt(ino) });
      return { uid, gid, mode: (mode & 0o7777).toString(8) };
    };
    const refusal = (path: string, options: { name?: string; mode?: number; flags?: number } = {}) =>
      make(path, options).then(
        () => 'accepted',
        (thrown: unknown) => (thrown instanceof CallError ? [thrown.error, thrown.reason] : String(thrown)),
      );

    it('belongs to the foreign range, and can be mounted', async () => {
      const own = aFolder(ordinary);
      expect(await make(own)).toEqual({ uid: foreign, gid: foreign, mode: '700' });
      await client.attach([await mountOf(join(own, 'made'))]);
      expect(await client.do('write', { file: 'new' })).toBe('ok');
      expect(lstatSync(join(own, 'made/new')).uid).toBe(foreign);
      expect(readdirSync(own).sort()).toEqual(['file', 'made']);
    });

    it('has the mode that is asked for, without what others could write, and no set-ID bits', async () => {
      expect((await make(aFolder(ordinary), { mode: 0o755 })).mode).toBe('755');
      expect((await make(aFolder(ordinary), { mode: 0o777 })).mode).toBe('775');
      for (const mode of [-1, 0o4755]) expect(await refusal(aFolder(ordinary), { mode })).toEqual([invalid, 'INVALID_PARAMETER']);
    });

    it('needs a name of its own', async () => {
      const own = aFolder(ordinary);
      expect(await refusal(own, { name: 'file' })).toEqual(['io.systemd.System', 'DIRECTORY_FAILED']);
      for (const name of ['', '.', '..', 'a/b', 'x'.repeat(256), '\u00e4'.repeat(128)]) {
        expect(await refusal(own, { name }), name).toEqual([invalid, 'DIRECTORY_NAME']);
      }
      expect(readdirSync(own)).toEqual(['file']);
    });

    it("is not made in another's, nor where its owner may not write, nor by O_PATH", async () => {
      expect(await refusal(aFolder(1001))).toEqual(denied);
      expect(await refusal(aFolder(0))).toEqual(denied);
      const closed = aFolder(ordinary);
      chmodSync(closed, 0o500);
      expect(await refusal(closed)).toEqual(['io.systemd.System', 'DIRECTORY_FAILED']);
      const unsafe = ['io.systemd.MountFileSystem.BadFileDescriptorFlags', 'DESCRIPTOR_FLAGS'];
      expect(await refusal(aFolder(ordinary), { flags: openFlags.O_PATH })).toEqual(unsafe);
    });

    it('may be made by root in anybody’s', async () => {
      using parent = new Descriptor(openSync(aFolder(1001), 'r'));
      using made = await asRoot.makeDirectory({ parent, name: 'made' });
      expect(native.describe(made.fd).uid).toBe(foreign);
    });
  });
});
