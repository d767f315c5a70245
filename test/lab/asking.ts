/** Mounts for the host, asked for by its root, and refusals by their names. */
import { closeSync, openSync } from 'node:fs';
import { CallError, type MountedImage, type MountImageOptions, PosternClient } from '../../client/client.ts';
import { socket } from './server.ts';

export type Asked = Partial<Pick<MountImageOptions, 'verityRootHash' | 'verityRootHashSignature' | 'password'>>;

/** Has an image for as long as `use` takes; what it attached stays. */
export async function mounting<T>(path: string, use: (image: MountedImage) => T | Promise<T>, asked: Asked = {}): Promise<T> {
  const client = PosternClient.connect(socket);
  const fd = openSync(path, 'r');
  try {
    using image = await client.mountImage({ image: fd, readOnly: true, ...asked });
    return await use(image);
  } finally {
    closeSync(fd);
    client.close();
  }
}

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
