/** A connection of somebody else's, made by this process of root's. */
import { PosternClient } from '../../client/client.ts';

/** Connects with another effective uid and gid: SO_PEERCRED keeps what they were at that moment. */
export function connectAs(uid: number, socket: string): PosternClient {
  process.setegid?.(uid);
  process.seteuid?.(uid);
  try {
    return PosternClient.connect(socket);
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}
