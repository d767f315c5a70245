/** A real gateway on a real socket in this process, with the test in the place of its siblings, and clients that can misbehave. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { type Clock, systemClock } from '../../mesh/clock.ts';
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import type { MountedImage } from '../../mesh/protocol.ts';
import { Stream } from '../../mesh/stream.ts';
import { native } from '../../native/index.ts';
import { configSchema } from '../../services/gateway/config.ts';
import { startGateway } from '../../services/gateway/gateway.ts';
import { Framer } from '../../varlink/framing.ts';
import { encodeCall } from '../../varlink/message/call.ts';
import { decodeReply, type Reply } from '../../varlink/message/reply.ts';
import { type FakeMesh, fakeMesh } from '../support/mesh.ts';

export const allocate = 'io.systemd.NamespaceResource.AllocateUserRange';
export const mount = 'io.systemd.MountFileSystem.MountImage';
export const prepare = 'io.postern.Images.Prepare';
export const status = 'io.postern.Gateway.GetStatus';
export const info = 'org.varlink.service.GetInfo';
export const invalid = 'org.varlink.service.InvalidParameter';

export interface TestGateway {
  readonly siblings: FakeMesh<'gateway'>;
  readonly path: string;
  /** the gateway's own report */
  report(): Record<string, unknown>;
  client(): Client;
  /** an orderly end of the service, as the parent asks for it */
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** @param config as the parent would send it */
export async function startTestGateway(config: object = {}, clock: Clock = systemClock): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-gateway-'));
  const path = join(folder, 'socket');
  const siblings = fakeMesh('gateway');
  const running = await startGateway(siblings.mesh, v.parse(configSchema, config), clock);
  siblings.serve(running);
  await siblings.deliver('parent', 'mesh.listen', {}, [new Descriptor(native.listen(path, 0o666, 4096))]);
  const clients: Client[] = [];
  return {
    siblings,
    path,
    report: () => running.status(),
    client() {
      const client = new Client(path);
      clients.push(client);
      return client;
    },
    async stop() {
      await running.stop?.();
    },
    async close() {
      for (const client of clients) client.close();
      await running.stop?.();
      siblings.close();
      rmSync(folder, { recursive: true });
    },
  };
}

export type Got = (Reply & { readonly descriptors: Descriptor[] }) | 'end';

/** A client that sends any bytes with any descriptors. */
export class Client {
  readonly #stream: Stream;
  readonly #socket: number;
  readonly #framer = new Framer<Descriptor>();
  readonly #got: Got[] = [];
  #wake = () => {};
  #closed = false;

  constructor(path: string) {
    this.#socket = native.connect(path);
    const readable = () => this.#read();
    this.#stream = new Stream(new Descriptor(this.#socket), { readable, drained() {}, hungUp: readable });
  }

  /** Bytes as they are, with descriptors in front; what the kernel does not take at once is sent as it does. */
  raw(bytes: string | Buffer, descriptors: readonly number[] = []): void {
    this.#stream.write(
      typeof bytes === 'string' ? Buffer.from(bytes) : bytes,
      descriptors.map((fd) => new Descriptor(native.duplicate(fd))),
    );
  }

  send(
    method: string,
    parameters: object = {},
    descriptors: readonly number[] = [],
    wish: 'one' | 'oneway' | 'more' | 'upgrade' = 'one',
  ): void {
    this.raw(encodeCall(method, parameters, wish), descriptors);
  }

  async call(method: string, parameters: object = {}, descriptors: readonly number[] = []): Promise<Got> {
    this.send(method, parameters, descriptors);
    return this.next();
  }

  /** The next reply; its descriptors are closed with the client unless the test takes them. */
  async next(): Promise<Got> {
    while (this.#got.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#got.shift() ?? 'end';
  }

  /** The next reply, which must be an error. */
  async error(): Promise<{ readonly error: string; readonly reason: unknown; readonly parameter: unknown; readonly message: unknown }> {
    const got = await this.next();
    if (got === 'end') throw new Error('the connection ended');
    closeAll(got.descriptors);
    return {
      error: got.error ?? 'none',
      reason: got.parameters.reason,
      parameter: got.parameters.parameter,
      message: got.parameters.message,
    };
  }

  /** Stops or goes on reading. */
  set reading(reading: boolean) {
    this.#stream.reading = reading;
  }

  halfClose(): void {
    native.shutdownWrite(this.#socket);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeAll(this.#framer.abandon());
    for (const got of this.#got.splice(0)) if (got !== 'end') closeAll(got.descriptors);
    this.#stream.close();
  }

  #read(): void {
    while (!this.#closed) {
      const chunk = this.#stream.read(0, this.#framer.pendingBytes > 0);
      if (chunk === 'nothing') return;
      if (chunk === 'end') {
        this.#stream.reading = false;
        this.#got.push('end');
        this.#wake();
        return;
      }
      for (const { bytes, descriptors } of this.#framer.push(chunk.bytes, chunk.descriptors))
        this.#got.push({ ...decodeReply(bytes), descriptors });
      this.#wake();
    }
  }
}

/** The descriptors of this process that are not the runner's own affair: what a test must leave as it was. */
export function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.includes('/proc/') ? [] : [target];
    } catch {
      return [];
    }
  });
}

/** A user namespace without a mapping, kept by a sleeping process. */
export class Namespace {
  readonly fd: number;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.fd = openSync(`/proc/${process.pid}/ns/user`, 'r');
  }

  static async create(): Promise<Namespace> {
    const process = spawn('unshare', ['--user', 'sh', '-c', 'echo; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(process.stdout, 'data');
    return new Namespace(process);
  }

  async end(): Promise<void> {
    native.close(this.fd);
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}

/** A detached mount, as the mounter would make one. */
export function someMount(): Descriptor {
  const context = native.fsopen('tmpfs');
  try {
    native.fsconfigCreate(context);
    return new Descriptor(native.fsmount(context, 0));
  } finally {
    native.close(context);
  }
}

/** What lsm tells of a mounted image: a bare file system unless partitions are named. */
export function mounted(...partitions: (readonly [designator: string, mountPoint: string])[]): MountedImage {
  const named = partitions.length > 0 ? partitions : [['root', '/'] as const];
  return {
    image: { singleFileSystem: partitions.length === 0, imagePolicy: '*', imageSize: 8, sectorSize: 512, imageName: null, imageUuid: null },
    partitions: named.map(([designator, mountPoint]) => ({
      designator,
      number: null,
      architecture: null,
      uuid: null,
      label: null,
      fileSystem: 'erofs',
      size: 8,
      offset: 0,
      writable: false,
      grown: false,
      noSuid: false,
      noExec: false,
      noSymlinks: false,
      mountPoints: [mountPoint],
    })),
  };
}

/** Waits, without a time of its own, until something is so. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}
