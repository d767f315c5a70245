/** A bus that speaks the real bytes of one and does what a test wants: answers, is slow, talks rubbish, dies. */
import { createServer, type Server, type Socket } from 'node:net';
import { Framing } from '../../services/polkit/dbus/framing.ts';
import { decodeMessage, type Incoming } from '../../services/polkit/dbus/message.ts';
import { Writer } from '../../services/polkit/dbus/writer.ts';

const kinds = { reply: 2, error: 3, signal: 4 } as const;

interface Told {
  readonly kind: keyof typeof kinds;
  readonly replySerial?: number;
  readonly sender: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  readonly signature?: string;
  readonly body?: (writer: Writer) => void;
}

/** A message as a bus passes it on. */
export function encodeTold({ kind, replySerial, signature = '', body = () => {}, ...texts }: Told): Buffer {
  const content = new Writer();
  body(content);
  const writer = new Writer();
  for (const byte of [0x6c, kinds[kind], 1, 1]) writer.byte(byte);
  writer.uint32(content.bytes.length);
  writer.uint32(7);
  const field = (code: number, type: string, value: () => void) => {
    writer.align(8);
    writer.byte(code);
    writer.signature(type);
    value();
  };
  const text = (code: number, value: string | undefined) => {
    if (value !== undefined) field(code, 's', () => writer.string(value));
  };
  writer.array(8, () => {
    text(2, texts.interface);
    text(3, texts.member);
    text(4, texts.errorName);
    if (replySerial !== undefined) field(5, 'u', () => writer.uint32(replySerial));
    text(7, texts.sender);
    if (signature !== '') field(8, 'g', () => writer.signature(signature));
  });
  writer.align(8);
  return Buffer.concat([writer.bytes, content.bytes]);
}

/** A call that came in, and the connection that it came by. */
export interface Heard {
  readonly call: Incoming;
  readonly serial: number;
  readonly socket: Socket;
  /** the body's bytes, for what to look for in them */
  readonly text: string;
}

export type Behaviour = (heard: Heard) => void;

export class FakeBus {
  /** what polkit's methods were called with, oldest first */
  readonly heard: Heard[] = [];
  connections = 0;
  /** whether polkit has its name, and whether the bus could start it */
  hasPolkit = true;
  canStart = false;
  /** in place of a welcome */
  greeting: string | Buffer | null = 'OK 0123456789abcdef0123456789abcdef\r\n';
  /** what polkit does */
  polkit: Behaviour = (heard) => this.allow(heard);
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((socket) => this.#welcome(socket));
  }

  static async at(path: string): Promise<FakeBus> {
    const bus = new FakeBus();
    await new Promise<void>((resolve) => bus.#server.listen(path, resolve));
    return bus;
  }

  /** polkit's answer: authorised, or a challenge, or neither. */
  answer({ socket, serial }: Heard, isAuthorized: boolean, isChallenge: boolean, details: Record<string, string> = {}): void {
    const body = (writer: Writer) => {
      writer.uint32(Number(isAuthorized));
      writer.uint32(Number(isChallenge));
      writer.strings(details);
    };
    socket.write(encodeTold({ kind: 'reply', replySerial: serial, sender: ':1.5', signature: '(bba{ss})', body }));
  }

  allow(heard: Heard): void {
    this.answer(heard, true, false);
  }

  refuse({ socket, serial }: Heard, errorName: string, text = ''): void {
    const body = (writer: Writer) => writer.string(text);
    socket.write(encodeTold({ kind: 'error', replySerial: serial, sender: ':1.5', errorName, signature: 's', body }));
  }

  /** Tells everybody that a name has another owner, in the name of some sender. */
  signalOwner(owner: string, sender = 'org.freedesktop.DBus'): void {
    const body = (writer: Writer) => {
      for (const text of ['org.freedesktop.PolicyKit1', ':1.5', owner]) writer.string(text);
    };
    const told = encodeTold({
      kind: 'signal',
      sender,
      interface: 'org.freedesktop.DBus',
      member: 'NameOwnerChanged',
      signature: 'sss',
      body,
    });
    for (const socket of this.#sockets) socket.write(told);
  }

  /** Tells everybody that there are other actions or rules. */
  signalChanged(): void {
    this.write(encodeTold({ kind: 'signal', sender: ':1.5', interface: 'org.freedesktop.PolicyKit1.Authority', member: 'Changed' }));
  }

  write(bytes: Buffer): void {
    for (const socket of this.#sockets) socket.write(bytes);
  }

  /** Ends every connection; new ones are let in. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.drop();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #welcome(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    const framing = new Framing();
    let lines: string[] | undefined = [];
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (bytes) => {
      framing.push(bytes);
      while (lines !== undefined) {
        const line = framing.line();
        if (line === undefined) return;
        lines.push(line);
        if (lines.length === 1 && this.greeting !== null) socket.write(this.greeting);
        if (line === 'BEGIN') lines = undefined;
      }
      for (let next = framing.message(); next !== undefined; next = framing.message()) this.#take(next, socket);
    });
  }

  #take(bytes: Buffer, socket: Socket): void {
    const call = decodeMessage(bytes);
    const heard = { call, serial: bytes.readUInt32LE(8), socket, text: bytes.toString('latin1') };
    const reply = (signature: string, body: (writer: Writer) => void) =>
      socket.write(encodeTold({ kind: 'reply', replySerial: heard.serial, sender: 'org.freedesktop.DBus', signature, body }));
    if (call.member === 'Hello') reply('s', (writer) => writer.string(':1.9'));
    else if (call.member === 'AddMatch') reply('', () => {});
    else if (call.member === 'NameHasOwner') reply('b', (writer) => writer.uint32(Number(this.hasPolkit)));
    else if (call.member === 'ListActivatableNames') {
      const names = this.canStart ? ['org.freedesktop.PolicyKit1', 'x.y'] : ['x.y'];
      reply('as', (writer) =>
        writer.array(4, () => {
          for (const name of names) writer.string(name);
        }),
      );
    } else {
      this.heard.push(heard);
      if (call.member === 'CheckAuthorization') this.polkit(heard);
    }
  }
}
