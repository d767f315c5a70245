/**
 * Meshes for tests, all in this process. `fakeMesh` is one service's view with the test in place of its siblings; `meshOf` wires several
 * real services to each other. Messages go through the real checks in both.
 */
import type { Channel } from '../../mesh/channel.ts';
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import { check, type HandlerTable } from '../../mesh/dispatch.ts';
import type { ExitReason } from '../../mesh/exit-codes.ts';
import { encodeFrame } from '../../mesh/frame.ts';
import { createLog, type Logger } from '../../mesh/log.ts';
import { memoryChannels } from '../../mesh/memory-channel.ts';
import type { Handler, Mesh } from '../../mesh/mesh.ts';
import { Peers } from '../../mesh/peers.ts';
import { edges, type MessageName, messageNames, type Node, type Payload, type ServiceName, services } from '../../mesh/protocol.ts';
import { SocketChannel, socketBufferBytes } from '../../mesh/socket-channel.ts';
import { native } from '../../native/index.ts';

/** A log that keeps its lines, for tests that ask what was said. */
export function recordingLog(service: Node): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  return { lines, log: createLog(service, { write: (line) => void lines.push(JSON.parse(line)) }) };
}

/** A message that the service under test sent, as its receiver would have got it. */
export interface Sent<N extends MessageName = MessageName> {
  readonly to: ServiceName;
  readonly name: N;
  readonly payload: Payload<N>;
  readonly descriptors: Descriptor[];
}

export interface FakeMesh<S extends ServiceName> {
  /** what the service under test is given */
  readonly mesh: Mesh<S>;
  /** lines that it logged */
  readonly lines: Record<string, unknown>[];
  /** why it ended its process, as far as it did */
  readonly exits: ExitReason[];
  /** From here on its handlers hear. `running` is what its `start` returned. */
  serve(running: { readonly handlers: HandlerTable; status?(): Record<string, unknown> }): void;
  /** All that it sent and nobody took yet, oldest first, announcements and failures (to `gateway`) among them. */
  sent(): readonly Sent[];
  /** Takes the oldest message of that name. Throws where there is none. Its descriptors live until `close` at the latest. */
  take<N extends MessageName>(name: N): Sent<N>;
  /** The same once it comes: handlers may take their time. */
  expect<N extends MessageName>(name: N): Promise<Sent<N>>;
  /** Sends to it as `from`, through the real checks, taking over the descriptors. Resolves when its handler is done. */
  deliver<N extends MessageName>(from: Node, name: N, payload: Payload<N>, descriptors?: readonly Descriptor[]): Promise<void>;
  /** Ends a sibling's life; what is sent to it waits from then on. */
  peerDown(peer: ServiceName): void;
  /** Begins a sibling's next life and returns its generation. */
  peerUp(peer: ServiceName): number;
  /** Ends all links and closes every descriptor that the test was sent and did not pass on. */
  close(): void;
}

/** One service's view of the mesh, with all its siblings up and played by the test. */
export function fakeMesh<S extends ServiceName>(self: S): FakeMesh<S> {
  const { log, lines } = recordingLog(self);
  const exits: ExitReason[] = [];
  const peers = new Peers({ self, generation: 1, log, die: (reason) => void exits.push(reason) });
  const sent: Sent[] = [];
  const received: Descriptor[] = [];
  const waiting = new Set<() => void>();
  const ends = new Map<ServiceName, { readonly ours: Channel; readonly theirs: Channel }>();
  let generation = 1;

  const record = (to: ServiceName, frame: Uint8Array, descriptors: Descriptor[]) => {
    received.push(...descriptors);
    void check(to, self, frame, descriptors).act(recorders(to, sent));
    for (const wake of waiting) wake();
  };
  const peerUp = (peer: ServiceName) => {
    const [ours, theirs] = memoryChannels();
    generation += 1;
    ends.set(peer, { ours, theirs });
    theirs.open({ message: (frame, descriptors) => record(peer, frame, descriptors), cut() {}, closed() {} });
    peers.wire(peer, generation, ours);
    return generation;
  };
  const arrived = () => {
    for (const { theirs } of ends.values()) theirs.drain();
    return sent;
  };
  const find = <N extends MessageName>(name: N): Sent<N> | undefined => {
    const index = arrived().findIndex((message) => message.name === name);
    const [message] = index < 0 ? [] : sent.splice(index, 1);
    return isNamed(message, name) ? message : undefined;
  };

  for (const peer of services) if (peer !== self) peerUp(peer);
  return {
    mesh: peers,
    lines,
    exits,
    serve: ({ handlers, status }) => peers.open(handlers, status),
    sent: arrived,
    take(name) {
      const message = find(name);
      if (message === undefined) throw new Error(`no ${name} was sent, but: ${sent.map((other) => other.name).join(', ') || 'nothing'}`);
      return message;
    },
    expect: (name) =>
      new Promise((resolve) => {
        const look = () => {
          // What arrives now looks too, and may have found the message for us.
          arrived();
          const message = waiting.has(look) ? find(name) : undefined;
          if (message === undefined) return;
          waiting.delete(look);
          resolve(message);
        };
        waiting.add(look);
        look();
      }),
    async deliver(from, name, payload, descriptors = []) {
      await peers.receive(
        from,
        encodeFrame(name, payload),
        descriptors.map((descriptor) => new Descriptor(descriptor.release())),
      );
      arrived();
    },
    peerDown(peer) {
      arrived();
      ends.get(peer)?.theirs.close();
      ends.get(peer)?.ours.drain();
      ends.delete(peer);
    },
    peerUp,
    close() {
      peers.close();
      for (const { theirs } of ends.values()) theirs.close();
      closeAll(received);
    },
  };
}

function isNamed<N extends MessageName>(message: Sent | undefined, name: N): message is Sent<N> {
  return message?.name === name;
}

/** A handler for every message that writes it down. */
function recorders(to: ServiceName, sent: Sent[]): HandlerTable {
  const recorder =
    <N extends MessageName>(name: N): Handler<N> =>
    (payload, descriptors) =>
      void sent.push({ to, name, payload, descriptors });
  const table: HandlerTable = {};
  for (const name of messageNames) Object.assign(table, { [name]: recorder(name) });
  return table;
}

/** A service to be run by `meshOf`: its name, and its start work bound to a configuration. */
export interface Part<S extends ServiceName = ServiceName> {
  readonly name: S;
  start(mesh: Mesh<S>): Promise<Started> | Started;
}
interface Started {
  readonly handlers: HandlerTable;
  status?(): Record<string, unknown>;
}

export interface TestMesh {
  /** why services ended, as far as they did */
  readonly exits: { readonly service: ServiceName; readonly reason: ExitReason }[];
  readonly lines: Record<string, unknown>[];
  /** Ends a service's life as SIGKILL would: its channels end, nothing of it runs on that the mesh could hear. */
  kill(name: ServiceName): void;
  /** Starts a killed service again and wires it to its living siblings. */
  restart(name: ServiceName): Promise<void>;
  close(): void;
}

/** Runs several real services in this process, wired as the parent would. Over real socketpairs, or their twin in memory. */
export async function meshOf(parts: readonly Part[], over: 'memory' | 'sockets' = 'memory'): Promise<TestMesh> {
  const exits: TestMesh['exits'] = [];
  const lines: Record<string, unknown>[] = [];
  const alive = new Map<ServiceName, Peers<ServiceName>>();
  let generation = 0;

  const kill = (name: ServiceName) => {
    const peers = alive.get(name);
    alive.delete(name);
    peers?.close();
  };
  const begin = async (part: Part) => {
    const log = createLog(part.name, { write: (line) => void lines.push(JSON.parse(line)) });
    generation += 1;
    const die = (reason: ExitReason) => {
      exits.push({ service: part.name, reason });
      kill(part.name);
    };
    const peers = new Peers({ self: part.name, generation, log, die });
    alive.set(part.name, peers);
    for (const [name, other] of alive) {
      if (!edges.some((edge) => edge.includes(name) && edge.includes(part.name)) || name === part.name) continue;
      const [here, there] = over === 'memory' ? memoryChannels() : socketChannels();
      other.wire(part.name, peers.generation, there);
      peers.wire(name, other.generation, here);
    }
    const { handlers, status } = await part.start(peers);
    peers.open(handlers, status);
  };

  for (const part of parts) await begin(part);
  return {
    exits,
    lines,
    kill,
    async restart(name) {
      const part = parts.find((candidate) => candidate.name === name);
      if (part === undefined) throw new Error(`${name} is not a part of this mesh`);
      await begin(part);
    },
    close() {
      for (const name of [...alive.keys()]) kill(name);
    },
  };
}

function socketChannels(): [Channel, Channel] {
  const [a, b] = native.socketPair(socketBufferBytes);
  return [new SocketChannel(new Descriptor(a)), new SocketChannel(new Descriptor(b))];
}
