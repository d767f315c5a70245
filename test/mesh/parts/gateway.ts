/** The gateway of the test services: follows each request's trail, as a real gateway must, and answers lines on its listening socket. */
import { closeAll, Descriptor } from '../../../mesh/descriptors.ts';
import type { Handlers, Mesh } from '../../../mesh/mesh.ts';
import type { Payload, ServiceName } from '../../../mesh/protocol.ts';
import { Trail } from '../../../mesh/trail.ts';
import { isSystemError, native } from '../../../native/index.ts';
import { forbidden } from './forbidden.ts';

interface Waiting {
  readonly trail: Trail;
  readonly end: (outcome: string) => void;
}

export class PartGateway {
  readonly #mesh: Mesh<'gateway'>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #dead = new Set<number>();
  readonly #namespace = new Descriptor(native.ownUserNamespace());
  #next: number;
  #listener: Descriptor | undefined;

  constructor(mesh: Mesh<'gateway'>) {
    this.#mesh = mesh;
    this.#next = mesh.generation * 1_000_000;
    mesh.onPeerDown((_peer, generation) => {
      this.#dead.add(generation);
      for (const request of this.#waiting.keys()) this.#failIfDead(request);
    });
  }

  readonly handlers: Handlers<'gateway'> = {
    'mesh.listen': (_payload, [listener]) => {
      if (listener !== undefined) this.#listen(listener);
    },
    'mesh.census': () => {},
    'request.handoff': ({ request, to, generation }, _descriptors, from) => {
      this.#waiting.get(request)?.trail.moved(from, { stage: to, generation });
      this.#failIfDead(request);
    },
    'request.failed': ({ request, code }) => this.#end(request, code),
    'request.progress': () => {},
    'authority.told': () => {},
    'range.allocated': ({ request }) => this.#end(request, 'done'),
    'mount.added': () => {},
    'control-group.added': () => {},
    'record.found': () => {},
    'interface.made': (_payload, descriptors) => closeAll(descriptors),
    'image.mounted': (_payload, descriptors) => closeAll(descriptors),
    'directory.made': (_payload, descriptors) => closeAll(descriptors),
    'directory.mounted': (_payload, descriptors) => closeAll(descriptors),
    'image.prepared': () => {},
    'status.tell': ({ request, report }) => this.#end(request, JSON.stringify(report)),
  };

  /** Sends a baton the whole way. Resolves to `done`, or to the code of what went wrong. */
  allocate(): Promise<string> {
    const payload = (request: number): Payload<'range.allocate'> => ({
      request,
      deadline: 0,
      peer: { uid: 0, gid: 0, pid: process.pid },
      name: 'test',
      mangleName: false,
      cookie: '1',
      type: 'managed',
      size: 65536,
      target: 0,
      delegateContainerRanges: 0,
      mapForeign: false,
    });
    return this.#begin((request) => this.#mesh.pass('allocator', 'range.allocate', payload(request), [this.#namespace.duplicate()]));
  }

  /** The report of a stage, as JSON. */
  status(stage: Exclude<ServiceName, 'gateway'>): Promise<string> {
    return this.#begin((request) => this.#mesh.pass(stage, 'status.ask', { request }));
  }

  /** Requests that have not ended. */
  get open(): number {
    return this.#waiting.size;
  }

  close(): void {
    this.#namespace.close();
    this.#listener?.close();
  }

  #begin(send: (request: number) => void): Promise<string> {
    return new Promise((end) => {
      const request = ++this.#next;
      this.#waiting.set(request, { trail: new Trail(this.#mesh.generation), end });
      send(request);
    });
  }

  #end(request: number, outcome: string): void {
    this.#waiting.get(request)?.end(outcome);
    this.#waiting.delete(request);
  }

  #failIfDead(request: number): void {
    const at = this.#waiting.get(request)?.trail.at;
    if (at !== undefined && this.#dead.has(at.generation)) this.#end(request, 'SERVICE_DIED');
  }

  #listen(listener: Descriptor): void {
    this.#listener = listener;
    native
      .poll(listener.fd, () => {
        const client = native.accept(listener.fd);
        if (client !== null) this.#serve(new Descriptor(client));
      })
      .watch(true, false);
  }

  #serve(client: Descriptor): void {
    const buffer = new Uint8Array(64);
    let gone = false;
    const poller = native.poll(client.fd, () => {
      const message = native.receive(client.fd, buffer, 0);
      if (message === null) return;
      if (message.bytes > 0) {
        const line = Buffer.from(buffer.subarray(0, message.bytes)).toString().trim();
        void this.#answer(line).then((answer) => gone || reply(client, answer));
        return;
      }
      gone = true;
      poller.close();
      client.close();
    });
    poller.watch(true, false);
  }

  #answer(line: string): Promise<string> {
    if (line === 'gateway') return Promise.resolve(JSON.stringify(forbidden()));
    if (line === 'allocator' || line === 'verity' || line === 'mounter' || line === 'lsm' || line === 'network') return this.status(line);
    return this.allocate();
  }
}

function reply(client: Descriptor, line: string): void {
  try {
    native.send(client.fd, Buffer.from(`${line}\n`), []);
  } catch (error) {
    // The client has gone.
    if (isSystemError(error) && error.code !== 'EPIPE') throw error;
  }
}
