/** A connection of somebody else's, made by this process of root's. */
import { PosternClient } from '../../client/client.ts';

/** Does something with another effective uid and gid: of a connection that is made there, SO_PEERCRED keeps what they were at that moment. */
export function asUser<T>(uid: number, act: () => T): T {
  process.setegid?.(uid);
  process.seteuid?.(uid);
  try {
    return act();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

export function connectAs(uid: number, socket: string): PosternClient {
  return asUser(uid, () => PosternClient.connect(socket));
}
