/** What is refused by the whole of a running Postern, by name, and that it leaves nothing behind: no descriptor, loop device, mount, range or file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CallError, PosternClient } from '../../client/client.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import { fakeFileSystem, type MadeImage, makeImage, makeSigner, type Signer } from '../image/images.ts';
import { editTables, entryOf } from '../image/tables.ts';
import { connectAs } from '../support/connect-as.ts';
import { descriptorsOf, hasSharedData, isRoot, machineResidue, Server, workshop } from '../support/serve.ts';

const ordinary = 1000;
const mebibyte = 1024 * 1024;

/** What the allocator tells of itself, as far as it matters here. */
const books = v.object({ namespaces: v.number(), underWay: v.number(), containers: v.object({ used: v.number() }) });

/** A process in a new user namespace, made by an ordinary user. */
class Inhabitant implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly namespace: Descriptor;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.namespace = new Descriptor(openSync(`/proc/${child.pid}/ns/user`, 'r'));
  }

  /** @param options further ones of unshare(1) */
  static async start(uid: number, ...options: string[]): Promise<Inhabitant> {
    const command = ['unshare', '--user', ...options, 'sh', '-c', 'echo; exec sleep 60'];
    const child = spawn('setpriv', [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', ...command], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    return new Inhabitant(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.namespace.close();
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

/** The stable code of a refusal. */
async function reasonOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'accepted',
    (thrown: unknown) => (thrown instanceof CallError ? (thrown.reason ?? thrown.error) : String(thrown)),
  );
}

describe.skipIf(!isRoot || !hasSharedData)('the whole of it refuses (needs root and the shared images)', () => {
  let shop: ReturnType<typeof workshop>;
  let server: Server;
  let client: PosternClient;
  let signer: Signer;
  let sound: MadeImage;
  let other: MadeImage;
  let before: Awaited<ReturnType<typeof residue>>;

  /** Everything that a refusal could leave behind. What the books have reserved ahead of use is none of it. */
  async function residue(): Promise<{ loops: string[]; rest: string }> {
    using asRoot = PosternClient.connect(server.socket);
    const { services } = await asRoot.status();
    const { namespaces, underWay, containers } = v.parse(books, services.find(({ name }) => name === 'allocator')?.report);
    const { loops, mounts } = machineResidue();
    const descriptors = [...descriptorsOf(server)];
    const files = readdirSync(server.state, { recursive: true }).sort();
    return { loops, rest: JSON.stringify({ mounts, descriptors, files, namespaces, underWay, used: containers.used }) };
  }

  /** … once nothing changes any more: a copy gets its name a moment after the answer. */
  async function settled(): ReturnType<typeof residue> {
    for (let last = await residue(); ; ) {
      await setTimeout(200);
      const next = await residue();
      if (isDeepStrictEqual(next, last) && readdirSync(join(server.state, 'store')).length > 0) return next;
      last = next;
    }
  }

  beforeAll(async () => {
    shop = workshop();
    signer = makeSigner('builder');
    writeFileSync(join(shop.trust, 'builder.crt'), signer.certificate);
    sound = await makeImage({ data: fakeFileSystem(mebibyte), signer });
    other = await makeImage({ data: fakeFileSystem(mebibyte, 2), signer });
    server = await Server.start({ folder: shop.folder, trust: shop.trust });
    client = connectAs(ordinary, server.socket);
  });
  afterAll(async () => {
    client?.close();
    await server?.stop();
    shop?.[Symbol.dispose]();
  });

  beforeEach(async () => {
    before = await residue();
  });
  afterEach(async () => {
    const left = async () => {
      const { loops, rest } = await residue();
      return { loops: loops.filter((name) => !before.loops.includes(name)), rest };
    };
    await expect.poll(left).toEqual({ loops: [], rest: before.rest });
  });

  describe('a namespace', () => {
    it('of another user', async () => {
      await using stranger = await Inhabitant.start(1001);
      expect(await reasonOf(client.allocate({ name: 'x', userNamespace: stranger.namespace }))).toBe('NAMESPACE_NOT_YOURS');
    });

    it('that has a map', async () => {
      await using mapped = await Inhabitant.start(ordinary, '--map-root-user');
      expect(await reasonOf(client.allocate({ name: 'x', userNamespace: mapped.namespace }))).toBe('NAMESPACE_NOT_EMPTY');
    });

    it('that the caller runs in', async () => {
      using own = new Descriptor(openSync('/proc/self/ns/user', 'r'));
      expect(await reasonOf(client.allocate({ name: 'x', userNamespace: own }))).toBe('NAMESPACE_IS_CALLERS');
    });

    it('that is none', async () => {
      using file = new Descriptor(openSync('/proc/self/ns/mnt', 'r'));
      expect(await reasonOf(client.allocate({ name: 'x', userNamespace: file }))).toMatch(/NAMESPACE_NOT_USER|DESCRIPTOR_TYPE/);
    });
  });

  describe('an image', () => {
    const changed = (change: (bytes: Uint8Array, view: DataView) => void) => {
      const copy = Uint8Array.from(sound.bytes);
      change(copy, new DataView(copy.buffer));
      return copy;
    };
    const flip = (offset: number) => changed((bytes) => bytes.set([(bytes[offset] ?? 0) ^ 1], offset));
    const treeAt = () => sound.dataOffset + mebibyte;
    const bad: readonly [string, string, () => Uint8Array | Promise<Uint8Array>][] = [
      ['whose data was changed', 'VERITY_DATA', () => flip(sound.dataOffset + 4096)],
      ['whose hash tree was changed', 'VERITY_TREE', () => flip(treeAt() + 4096)],
      [
        'whose signature is of another image',
        'SIGNATURE_OTHER_IMAGE',
        async () => (await makeImage({ data: fakeFileSystem(mebibyte), signer, document: (made) => other.document ?? made })).bytes,
      ],
      ['that is not signed', 'SIGNATURE_MISSING', async () => (await makeImage({ data: fakeFileSystem(mebibyte) })).bytes],
      [
        'of an unknown signer',
        'SIGNER_UNKNOWN',
        async () => (await makeImage({ data: fakeFileSystem(mebibyte), signer: makeSigner('stranger') })).bytes,
      ],
      [
        'whose partitions overlap',
        'PARTITION_OVERLAP',
        () =>
          editTables(sound.bytes, (table) => {
            entryOf(table, 2).first = entryOf(table, 1).last;
          }),
      ],
      ['with 2^32-1 entries', 'TABLE_ENTRIES', () => editTables(sound.bytes, ({ header }) => header.setUint32(80, 0xffff_ffff, true))],
      [
        'with both headers broken',
        'TABLE_BROKEN',
        () => changed((bytes) => [512 + 50, bytes.length - 512 + 50].map((offset) => bytes.set([(bytes[offset] ?? 0) ^ 1], offset))),
      ],
      [
        'whose signature document is nested 8,000 deep',
        'SIGNATURE_DOCUMENT',
        () =>
          changed((bytes) => {
            bytes.fill(0, treeAt() + mebibyte, treeAt() + mebibyte + 16384);
            bytes.set(Buffer.from('['.repeat(8000) + ']'.repeat(8000)), treeAt() + mebibyte);
          }),
      ],
      ['that is shorter than its table says', 'IMAGE_TOO_SHORT', () => sound.bytes.slice(0, sound.bytes.length - 4096)],
      ['whose signed data is no file system after all', 'MOUNT_FAILED', () => sound.bytes],
    ];
    for (const [what, code, make] of bad) {
      it(`${what}: ${code}`, async () => {
        const path = shop.image('bad.raw');
        writeFileSync(path, await make());
        await using holder = await Inhabitant.start(ordinary, '--map-root-user');
        using image = new Descriptor(openSync(path, 'r'));
        // The last one is sound to the last bit, so its copy stays in the store: that is no residue of a refusal.
        if (code === 'MOUNT_FAILED') {
          for await (const _ of client.prepare(image));
          before = await settled();
        }
        expect(await reasonOf(client.mountImage({ image, userNamespace: holder.namespace }))).toBe(code);
      });
    }
  });
});
