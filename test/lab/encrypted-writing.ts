/** Writing to an encrypted image for real: by IDs of a range, through dm-crypt, so that the file never holds what was written as it was. */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeVolume } from '../luks/volumes.ts';
import { connectAs } from '../support/connect-as.ts';
import { folderOf, mounting, refusal } from './asking.ts';
import { startHolder } from './directory.ts';
import { checkLater } from './report.ts';
import { serve, socket, stop, until } from './server.ts';

const mebibyte = 1024 * 1024;
/** below /run, since everybody may write in the other folders of this machine */
const ground = '/run/encrypted-writing';
const password = 'correct horse battery staple';
const secret = 'what nobody but the owner may read';
const ordinary = 1000;

const devices = () => readdirSync('/sys/block').filter((name) => name.startsWith('dm-'));

/** A volume with an ext4 that leaves some of it free. */
function makeImage(): string {
  const inner = join(ground, 'inner');
  writeFileSync(inner, '');
  truncateSync(inner, 8 * mebibyte);
  execFileSync('mkfs.ext4', ['-q', '-m', '0', inner]);
  truncateSync(inner, 12 * mebibyte);
  const path = join(ground, 'volume.raw');
  writeFileSync(path, makeVolume({ password, content: new Uint8Array(readFileSync(inner)) }).bytes, { mode: 0o644 });
  return path;
}

export async function writingToEncryptedImages(): Promise<void> {
  mkdirSync(ground, { mode: 0o755 });
  mkdirSync('/run/postern', { recursive: true });
  const image = makeImage();
  const parent = await serve({ state: '/home/writing-state', config: `[verity.routes]\ntrusted_directories = ["${ground}"]\n` });
  const holder = await startHolder();
  const user = connectAs(ordinary, socket);
  const userNamespace = openSync(`/proc/${holder.pid}/ns/user`, 'r');
  await user.allocate({ name: 'writing', userNamespace });
  /** Root of the range makes a file; empty where it could. */
  const write = (folder: number | undefined) => {
    const enter = [`--user=/proc/${holder.pid}/ns/user`, '--setuid=0', '--setgid=0', 'sh', '-c', `echo ${secret} > /proc/self/fd/3/new`];
    return spawnSync('nsenter', enter, { stdio: ['ignore', 'ignore', 'pipe', folder ?? 'ignore'], encoding: 'utf8' }).stderr;
  };
  const gone = () => until('the end of every device', () => (devices().length === 0 ? true : undefined));
  const forWriting = { flags: 'r+', password } as const;

  await checkLater('dm-crypt: a range writes to an encrypted image, which fills its volume, and finds it again', async () => {
    const told = await mounting(
      image,
      (mounted) => {
        const { blocks, bsize } = statfsSync(folderOf(mounted));
        const [root] = mounted.partitions;
        return `${root?.writable} ${root?.growFileSystem} ${blocks * bsize > 8 * mebibyte} ${write(root?.mount.fd)}`;
      },
      { ...forWriting, userNamespace },
    );
    await gone();
    const read = await mounting(image, (mounted) => readFileSync(join(folderOf(mounted), 'new'), 'utf8'), { password });
    await gone();
    return (told === 'true true true ' && read === `${secret}\n`) || `${told}, then ${read}`;
  });
  await checkLater('dm-crypt: the file holds nothing of it in clear', async () => {
    execFileSync('sync');
    return !readFileSync(image).includes(secret) || 'it does';
  });
  await checkLater('dm-crypt: those who write share a device, and who wants to read it is told that it is in use', async () => {
    const told = await mounting(
      image,
      async () => {
        const shared = await mounting(image, () => devices().length, forWriting);
        return `${shared} ${await refusal(image, 'io.systemd.System', 'IMAGE_IN_USE', { password })}`;
      },
      forWriting,
    );
    await gone();
    return told === '1 true' || told;
  });
  await checkLater('dm-crypt: while somebody reads it nobody writes to it', async () => {
    const told = await mounting(image, () => refusal(image, 'io.systemd.System', 'IMAGE_IN_USE', forWriting), { password });
    await gone();
    return told;
  });
  closeSync(userNamespace);
  user.close();
  holder.kill('SIGKILL');
  await stop(parent);
}
