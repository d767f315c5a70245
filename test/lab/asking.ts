/** Mounts for the host, asked for by its root, and refusals by their names. */
import { closeSync, openSync } from 'node:fs';
import { CallError, type MountedImage, type MountImageOptions, PosternClient } from '../../client/client.ts';
import { socket } from './server.ts';

export interface Asked extends Partial<Omit<MountImageOptions, 'image'>> {
  /** how the image is opened: what is open for writing is mounted so where it may be */
  readonly flags?: 'r' | 'r+';
}

/** Has an image for as long as `use` takes; what it attached stays. */
export async function mounting<T>(
  path: string,
  use: (image: MountedImage) => T | Promise<T>,
  { flags = 'r', ...asked }: Asked = {},
): Promise<T> {
  const client = PosternClient.connect(socket);
  const image = openSync(path, flags);
  try {
    using mounted = await client.mountImage({ image, ...asked });
    return await use(mounted);
  } finally {
    closeSync(image);
    client.close();
  }
}

/** Where its first partition can be looked at, or another. */
export const folderOf = (image: MountedImage, index = 0) => `/proc/self/fd/${image.partitions[index]?.mount.fd}`;

/** True when the call is refused with this name and reason; else what came instead. */
export async function refusal(path: string, name: string, reason: string, asked: Asked = {}): Promise<string | true> {
  const error = name.includes('.') ? name : `io.systemd.MountFileSystem.${name}`;
  try {
    await mounting(path, () => undefined, asked);
    return 'it was mounted';
  } catch (thrown) {
    if (!(thrown instanceof CallError)) throw thrown;
    return (thrown.error === error && thrown.reason === reason) || `${thrown.error} (${thrown.reason}): ${thrown.message}`;
  }
}
