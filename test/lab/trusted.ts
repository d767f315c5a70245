/** Images in a trusted directory, under the policy and on a whole Debian kernel: written to by IDs of a range, grown, activated by a tree beside them, and a FAT for firmware. */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, statfsSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CallError } from '../../client/client.ts';
import { toHex } from '../../image/bytes.ts';
import { memoryReader } from '../../image/reader.ts';
import { buildTree } from '../../image/verity-build.ts';
import { native } from '../../native/index.ts';
import { connectAs } from '../support/connect-as.ts';
import { writeDisk } from '../support/disk.ts';
import { folderOf, mounting } from './asking.ts';
import { startHolder } from './directory.ts';
import { checkLater } from './report.ts';
import { serve, socket, stop } from './server.ts';

const mebibyte = 1024 * 1024;
/** below /run, since everybody may write in the other folders of this machine */
const ground = '/run/trusted-images';
const contents = '/home/trusted-contents';
const ordinary = 1000;

/** An empty FAT12 of 1 MiB, whose only file is its label. */
function emptyFat(): Uint8Array {
  const bytes = Buffer.alloc(mebibyte);
  bytes.set([0xeb, 0x3c, 0x90]);
  bytes.write('postern ', 3, 'latin1');
  bytes.writeUInt16LE(512, 11); // sector
  bytes.set([4, 1, 0, 2], 13); // sectors per cluster, reserved sectors, tables
  bytes.writeUInt16LE(64, 17); // entries of the root folder
  bytes.writeUInt16LE(mebibyte / 512, 19);
  bytes[21] = 0xf8;
  bytes.writeUInt16LE(2, 22); // sectors per table
  bytes[38] = 0x29;
  bytes.write('EFI        FAT12   ', 43, 'latin1');
  bytes.writeUInt16LE(0xaa55, 510);
  for (const table of [1, 3]) bytes.set([0xf8, 0xff, 0xff], table * 512);
  return bytes;
}

function makeExt4(name: string, size: number): string {
  const path = join(ground, name);
  const tree = join(contents, `${name}.tree`);
  mkdirSync(tree);
  writeFileSync(join(tree, 'greeting'), 'hello\n');
  writeFileSync(path, '', { mode: 0o644 });
  truncateSync(path, 16 * mebibyte);
  execFileSync('mkfs.ext4', ['-q', '-d', tree, path]);
  truncateSync(path, size);
  return path;
}

export async function trustedImages(): Promise<void> {
  mkdirSync(ground, { mode: 0o700 });
  mkdirSync(contents);
  mkdirSync('/run/postern', { recursive: true });
  const parent = await serve({ state: '/home/trusted-state', config: `[verity.routes]\ntrusted_directories = ["${ground}"]\n` });
  const holder = await startHolder();
  const user = connectAs(ordinary, socket);
  const userNamespace = openSync(`/proc/${holder.pid}/ns/user`, 'r');
  await user.allocate({ name: 'trusted', userNamespace });
  /** What root of the range gets for making a file somewhere. */
  const write = (folder: string, fd: number | 'ignore') => {
    const enter = [`--user=/proc/${holder.pid}/ns/user`, '--setuid=0', '--setgid=0', 'sh', '-c', `echo x > ${folder}/new`];
    return spawnSync('nsenter', enter, { stdio: ['ignore', 'ignore', 'pipe', fd], encoding: 'utf8' });
  };

  const plain = makeExt4('plain.raw', 16 * mebibyte);
  await checkLater('trusted: a range writes to an image that root has mounted for it, and stores the image’s own IDs', async () => {
    const told = await mounting(
      plain,
      (image) => {
        const { status, stderr } = write('/proc/self/fd/3', image.partitions[0]?.mount.fd ?? 'ignore');
        return status === 0 ? 'written' : stderr;
      },
      { flags: 'r+', userNamespace },
    );
    if (told !== 'written') return told;
    return mounting(plain, (image) => {
      const { uid, gid } = lstatSync(join(folderOf(image), 'new'));
      return (uid === 0 && gid === 0) || `it belongs to ${uid}:${gid}`;
    });
  });
  await checkLater('trusted: it writes nowhere else, anybody may write there or not', async () => {
    mkdirSync('/home/trusted-open');
    execFileSync('chmod', ['777', '/home/trusted-open']);
    const { status, stderr } = write('/home/trusted-open', 'ignore');
    return (status !== 0 && readdirSync('/home/trusted-open').length === 0) || `status ${status} ${stderr}`;
  });
  await checkLater('trusted: an ordinary user gets the image for reading', async () => {
    execFileSync('chmod', ['755', ground]);
    const image = openSync(plain, 'r');
    try {
      using mounted = await user.mountImage({ image, userNamespace });
      const { status } = write('/proc/self/fd/3', mounted.partitions[0]?.mount.fd ?? 'ignore');
      return (mounted.partitions[0]?.writable === false && status !== 0) || 'it can be written to';
    } finally {
      closeSync(image);
    }
  });
  await checkLater('trusted: an ext4 that is smaller than its file grows when it is mounted for writing', async () => {
    const path = makeExt4('small.raw', 64 * mebibyte);
    return mounting(
      path,
      (image) => {
        const { blocks, bsize } = statfsSync(folderOf(image));
        const [root] = image.partitions;
        return (root?.growFileSystem === true && blocks * bsize > 50 * mebibyte) || `${root?.growFileSystem}, ${blocks * bsize} bytes`;
      },
      { flags: 'r+' },
    );
  });
  await checkLater('trusted: an image whose root says so grows, and its FAT for firmware is nobody’s but root’s', async () => {
    const [root, esp] = [join(contents, 'root'), join(contents, 'esp')];
    execFileSync('cp', [plain, root]);
    writeFileSync(esp, emptyFat());
    const path = join(ground, 'disk.raw');
    writeDisk(path, [
      { designator: 'root', content: root, size: 64 * mebibyte, growFileSystem: true },
      { designator: 'esp', content: esp },
    ]);
    return mounting(
      path,
      (image) => {
        const told = image.partitions.map(({ designator, fileSystemType, growFileSystem, mountPoint }) =>
          [designator, fileSystemType, growFileSystem, mountPoint?.[0]].join(' '),
        );
        const { mode } = statSync(folderOf(image, 1));
        return (told.join() === 'root ext4 true /,esp vfat false /efi' && (mode & 0o777) === 0o700) || `${told.join()} ${mode.toString(8)}`;
      },
      { flags: 'r+' },
    );
  });
  await checkLater('trusted: a hash tree beside the image is the device’s, and a wrong root hash is refused', async () => {
    const path = join(ground, 'sidecar.raw');
    execFileSync('mkfs.erofs', ['--quiet', path, join(contents, 'plain.raw.tree')]);
    const data = memoryReader(new Uint8Array(execFileSync('cat', [path], { maxBuffer: 1 << 26 })));
    const salt = new Uint8Array(32).fill(3);
    const uuid = '11111111-2222-4333-8444-555555555555';
    const blocks = { algorithm: 'sha256', salt, dataBlockSize: 4096, hashBlockSize: 4096, dataBlocks: data.size / 4096 } as const;
    const tree = await buildTree(data, { uuid, ...blocks }, native.hashBlocks);
    writeFileSync(join(contents, 'tree'), tree.device);
    const verityData = openSync(join(contents, 'tree'), 'r');
    const devices = () => readdirSync('/sys/block').filter((name) => name.startsWith('dm-')).length;
    try {
      const verityRootHash = toHex(tree.rootHash);
      const shown = await mounting(path, (image) => `${devices()} ${readdirSync(folderOf(image)).join()}`, {
        verityData,
        verityRootHash,
      });
      const wrong = await mounting(path, () => 'mounted', { verityData, verityRootHash: '0'.repeat(64) }).catch((thrown: unknown) =>
        thrown instanceof CallError ? thrown.error : String(thrown),
      );
      return (shown === '1 greeting' && wrong === 'io.systemd.MountFileSystem.VerityFailure') || `${shown}, ${wrong}`;
    } finally {
      closeSync(verityData);
    }
  });
  closeSync(userNamespace);
  user.close();
  holder.kill('SIGKILL');
  await stop(parent);
}
