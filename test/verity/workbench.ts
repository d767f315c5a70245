/** The verity service in this process, with the test in place of its siblings and a state folder of its own. */
import { mkdirSync, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as v from 'valibot';
import { type Clock, systemClock } from '../../mesh/clock.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import type { ImageOptions, Payload } from '../../mesh/protocol.ts';
import { native } from '../../native/index.ts';
import type { AskUntrusted } from '../../services/verity/authority.ts';
import { configSchema, type VerityConfig } from '../../services/verity/config.ts';
import { startVerity } from '../../services/verity/start.ts';
import { type FakeMesh, fakeMesh, type Sent } from '../support/mesh.ts';

const plainOptions: ImageOptions = {
  readOnly: true,
  growFileSystems: false,
  imagePolicy: null,
  mountOptions: {},
  relaxExtensionReleaseChecks: false,
  veritySharing: false,
  verityRootHash: null,
  verityRootHashSignature: null,
  imageName: 'hello.raw',
};

/** As it was built last. */
const unlockThread = pathToFileURL(resolve('dist/verity-unlock.mjs'));

/** Old enough that the next write will show. */
const restingMilliseconds = 150;

export type Outcome =
  | { readonly attached: Sent<'image.attach'>; readonly failed?: undefined }
  | { readonly attached?: undefined; readonly failed: Payload<'request.failed'> };

export interface Ask {
  readonly options?: Partial<ImageOptions>;
  readonly sidecar?: Descriptor;
  readonly uid?: number;
  readonly request?: number;
  readonly password?: string;
  /** as if it lay in a trusted directory */
  readonly trusted?: boolean;
  /** the caller can be told apart, so that somebody may be asked about it */
  readonly hasProcess?: boolean;
}

export interface WorkbenchOptions {
  /** of the configuration */
  readonly store?: Readonly<Record<string, unknown>>;
  readonly certificates?: readonly string[];
  readonly signers?: VerityConfig['signers'];
  readonly unlockMemory?: number;
  readonly policies?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  /** whom verity asks about images that nobody stands for */
  readonly askUntrusted?: AskUntrusted;
  /** where the store is to be, if not in a folder of its own */
  readonly at?: string;
}

const workShape = v.object({ hits: v.number(), checks: v.number(), copies: v.number(), underWay: v.number() });
const requestsShape = v.object({ now: v.record(v.string(), v.number()) });

export class Workbench {
  readonly folder = mkdtempSync(join(tmpdir(), 'postern-verity-'));
  readonly store: string;
  readonly trust = join(this.folder, 'trust');
  readonly #options: WorkbenchOptions;
  mesh: FakeMesh<'verity'>;
  status: () => Record<string, unknown> = () => ({});
  #request = 0;
  #stop: () => Promise<void> = () => Promise.resolve();
  readonly #outcomes = new Map<number, Outcome>();

  private constructor(options: WorkbenchOptions) {
    this.#options = options;
    this.store = options.at ?? join(this.folder, 'store');
    mkdirSync(this.store, { recursive: true, mode: 0o700 });
    mkdirSync(this.trust);
    this.mesh = fakeMesh('verity');
  }

  static async start(options: WorkbenchOptions = {}): Promise<Workbench> {
    const bench = new Workbench(options);
    options.certificates?.forEach((pem, index) => {
      bench.trustIn(pem, `${index}.crt`);
    });
    await bench.startService();
    return bench;
  }

  /** Starts the service, or its next life. */
  async startService(): Promise<void> {
    this.mesh.close();
    await this.#stop();
    this.mesh = fakeMesh('verity');
    const { store, signers, policies = {}, unlockMemory, clock = systemClock, askUntrusted } = this.#options;
    const config = v.parse(configSchema, {
      store: { folder: this.store, ...store },
      signers,
      policies,
      unlock_memory: unlockMemory,
      trust: [this.trust],
      system_trust: [],
    });
    const running = await startVerity(this.mesh.mesh, config, { clock, thread: unlockThread, ...(askUntrusted && { askUntrusted }) });
    this.status = running.status;
    this.#stop = running.stop;
    this.mesh.serve(running);
  }

  /** As the mounter says what its kernel can. */
  async kernelHasVerity(verityMissing: string | null = null, cryptMissing: string | null = null): Promise<void> {
    await this.mesh.deliver('mounter', 'devices.state', { verityMissing, cryptMissing });
  }

  trustIn(pem: string, name: string): void {
    writeFileSync(join(this.trust, name), pem);
  }

  /** A file with such content. */
  write(name: string, bytes: Uint8Array): string {
    const path = join(this.folder, name);
    writeFileSync(path, bytes);
    return path;
  }

  /** The same, its times old enough that the service will know it again. */
  async file(name: string, bytes: Uint8Array): Promise<string> {
    const path = this.write(name, bytes);
    await new Promise((resolve) => setTimeout(resolve, restingMilliseconds));
    return path;
  }

  /** Begins a request and returns its number. */
  begin(image: string | Descriptor, ask: Ask = {}): number {
    const request = ask.request ?? ++this.#request;
    const descriptor = typeof image === 'string' ? new Descriptor(openSync(image, 'r')) : image;
    const { options, sidecar, uid = 1000, password, hasProcess = false } = ask;
    const payload: Payload<'image.verify'> = {
      request,
      deadline: 1e12,
      peer: { uid, gid: uid, pid: 1 },
      options: { ...plainOptions, ...options },
      password: password === undefined ? null : new TextEncoder().encode(password),
      holder: null,
      hasSidecar: sidecar !== undefined,
      consult: hasProcess ? { interactive: false, untrusted: false } : null,
      isInTrustedDirectory: ask.trusted ?? false,
    };
    const process = hasProcess ? [new Descriptor(native.pidfdOpen(globalThis.process.pid))] : [];
    void this.mesh.deliver('allocator', 'image.verify', payload, [descriptor, ...(sidecar === undefined ? [] : [sidecar]), ...process]);
    return request;
  }

  /** How a request ended. */
  async end(request: number): Promise<Outcome> {
    for (;;) {
      this.#sort();
      const outcome = this.#outcomes.get(request);
      if (outcome !== undefined) {
        this.#outcomes.delete(request);
        return outcome;
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async verify(image: string | Descriptor, ask: Ask = {}): Promise<Outcome> {
    return this.end(this.begin(image, ask));
  }

  /** The code of a refusal, or `attached`; closes what came. */
  async verdict(image: string | Descriptor, ask: Ask = {}): Promise<string> {
    return verdictOf(await this.verify(image, ask));
  }

  /** Ends a request as the gateway does when its client goes away, and at its deadline. */
  async cancel(request: number): Promise<void> {
    await this.mesh.deliver('gateway', 'request.cancel', { request });
  }

  /** What the service counts of its work. */
  work(): v.InferOutput<typeof workShape> {
    return v.parse(workShape, this.status().work);
  }

  /** Requests that are in a state of their machine. */
  inState(state: string): number {
    return v.parse(requestsShape, this.status().requests).now[state] ?? 0;
  }

  /** Returns at the first moment at which it is so. Nothing of the service happens until the caller waits again. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Names of the copies in the store's folder. */
  copies(): string[] {
    return readdirSync(this.store).toSorted();
  }

  /** Unnamed copies that this process holds. */
  unnamedCopies(): string[] {
    return readdirSync('/proc/self/fd').flatMap((fd) => {
      const target = linkOf(`/proc/self/fd/${fd}`);
      return target.startsWith(`${this.store}/#`) ? [target] : [];
    });
  }

  /** Returns when the disk has every copy, so that each has its name. */
  async settled(): Promise<void> {
    while (this.unnamedCopies().length > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  async close(): Promise<void> {
    this.mesh.close();
    await this.#stop();
    rmSync(this.folder, { recursive: true });
  }

  /** Puts what the service sent where its request will be looked for. */
  #sort(): void {
    for (const { name } of [...this.mesh.sent()]) {
      if (name === 'image.attach') {
        const attached = this.mesh.take(name);
        this.#outcomes.set(attached.payload.request, { attached });
      } else if (name === 'request.failed') {
        const { payload } = this.mesh.take(name);
        this.#outcomes.set(payload.request, { failed: payload });
      }
    }
  }
}

export function verdictOf(outcome: Outcome): string {
  if (outcome.failed !== undefined) return outcome.failed.code;
  for (const descriptor of outcome.attached.descriptors) descriptor.close();
  return 'attached';
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
