/** Varlink calls as anybody could send them: no shape is checked on the way out, and the answer is taken as it comes. */
import { Descriptor } from '../../../mesh/descriptors.ts';
import { Stream } from '../../../mesh/stream.ts';
import { native } from '../../../native/index.ts';
import { Framer } from '../../../varlink/framing.ts';
import { decodeReply, type Reply } from '../../../varlink/message/reply.ts';

export { mounts, namespaces } from '../../../lab/systemd/servers.ts';

export const users = '/run/systemd/userdb/io.systemd.NamespaceResource';

/** Longer than any answer takes under emulation, on a machine that has other things to do. */
const patienceMs = 120_000;

export interface Call {
  readonly socket: string;
  readonly method: string;
  readonly parameters?: object;
  /** what the parameters' indices point to; stays the caller's */
  readonly descriptors?: readonly number[];
  /** who asks; the ordinary user when left out */
  readonly uid?: number;
  /** fields beside `method` and `parameters` */
  readonly flags?: object;
}

export interface Answer extends Reply {
  readonly descriptors: Descriptor[];
}

export const ordinary = 1000;

/** SO_PEERCRED keeps who we were when we connected. */
function connectAs(uid: number, socket: string): Descriptor {
  process.setegid?.(uid);
  process.seteuid?.(uid);
  try {
    return new Descriptor(native.connect(socket));
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

/** Asks once, on a connection of its own. Rejects where the connection ends without an answer. */
export function ask({ socket, method, parameters, descriptors = [], uid = ordinary, flags = {} }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const framer = new Framer<Descriptor>();
    const end = (settle: () => void) => {
      clearTimeout(timer);
      stream.close();
      settle();
    };
    const readable = () => {
      for (;;) {
        const chunk = stream.read(0, framer.pendingBytes > 0);
        if (chunk === 'nothing') return;
        if (chunk === 'end') return end(() => reject(new Error('the connection ended without an answer')));
        const [message] = framer.push(chunk.bytes, chunk.descriptors);
        if (message !== undefined) return end(() => resolve({ ...decodeReply(message.bytes), descriptors: message.descriptors }));
      }
    };
    const stream = new Stream(connectAs(uid, socket), { readable, drained() {}, hungUp: readable });
    const timer = setTimeout(() => end(() => reject(new Error('no answer came'))), patienceMs);
    const text = JSON.stringify({ method, ...(parameters === undefined ? {} : { parameters }), ...flags });
    stream.write(
      Buffer.from(`${text}\0`),
      descriptors.map((fd) => new Descriptor(native.duplicate(fd))),
    );
  });
}
