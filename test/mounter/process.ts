/** The mounter as the parent runs it: launched with its privileges and nothing else, locked down; the test plays its siblings. */
import { resolve } from 'node:path';
import { Child } from '../../mesh/child.ts';
import { systemClock } from '../../mesh/clock.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import { encodeFrame } from '../../mesh/frame.ts';
import { Intake } from '../../mesh/intake.ts';
import { launchCommand } from '../../mesh/launch.ts';
import type { Privileges } from '../../mesh/privileges.ts';
import type { MountPlan, Payload, ServiceName } from '../../mesh/protocol.ts';
import { SocketChannel, socketBufferBytes } from '../../mesh/socket-channel.ts';
import { native } from '../../native/index.ts';
import { privileges as ownPrivileges } from '../../services/mounter/privileges.ts';
import { recordingLog } from '../support/mesh.ts';

const patienceMs = 20_000;

interface Pending {
  readonly resolve: (mounts: Descriptor[]) => void;
  readonly reject: (error: Error) => void;
}

export class MounterProcess {
  readonly #child: Child;
  readonly #channels = new Map<ServiceName, SocketChannel>();
  readonly #pending = new Map<number, Pending>();
  #report: ((report: Payload<'status.tell'>['report']) => void) | undefined;
  #request = 0;
  #ready = () => {};
  #ended = () => {};
  readonly ended = new Promise<void>((done) => {
    this.#ended = done;
  });

  private constructor(privileges: Privileges) {
    const { log } = recordingLog('mounter');
    const command = launchCommand(privileges, { dist: resolve('dist'), folders: {} });
    this.#child = new Child('mounter', 1, { ...command, environment: { POSTERN_LOG_LEVEL: 'silent' } }, log, systemClock, {
      ready: () => this.#ready(),
      condemned: () => this.#child.kill(),
      exited: () => this.#end(),
    });
  }

  /** @param privileges others than its own, to see what it does without */
  static async start(privileges: Privileges = ownPrivileges): Promise<MounterProcess> {
    const mounter = new MounterProcess(privileges);
    const ready = new Promise<void>((done) => {
      mounter.#ready = done;
    });
    mounter.#child.tell('mesh.configure', { generation: 1, config: { workers: 2 } });
    for (const peer of ['gateway', 'allocator', 'verity', 'lsm'] as const) mounter.#wire(peer);
    await Promise.race([
      ready,
      mounter.ended.then(() => {
        throw new Error('the mounter ended before it was ready');
      }),
    ]);
    return mounter;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** As verity asks. Takes over the descriptors. Resolves to the mounts as lsm gets them; rejects with what the gateway hears. */
  attach(plan: MountPlan, namespace: Descriptor, sources: readonly Descriptor[]): Promise<Descriptor[]> {
    const request = ++this.#request;
    const payload = {
      request,
      deadline: systemClock.now() + patienceMs,
      holder: { namespace: 'id:1', transient: true },
      plan,
      sources: sources.length,
    };
    return new Promise((resolve, reject) => {
      this.#pending.set(request, { resolve, reject });
      const frame = encodeFrame('image.attach', payload);
      this.#channels.get('verity')?.send({ frame, descriptors: [namespace, ...sources] });
    });
  }

  /** As the allocator asks, without an ID map. Takes over the descriptors. */
  attachDirectory(namespace: Descriptor, directory: Descriptor, mountNamespace: Descriptor): Promise<Descriptor[]> {
    const request = ++this.#request;
    const holder = { namespace: 'id:1', transient: true };
    const payload = { request, deadline: systemClock.now() + patienceMs, holder, readOnly: false, isMapped: false };
    return new Promise((resolve, reject) => {
      this.#pending.set(request, { resolve, reject });
      const frame = encodeFrame('directory.attach', payload);
      this.#channels.get('allocator')?.send({ frame, descriptors: [directory, mountNamespace, namespace] });
    });
  }

  status(): Promise<Payload<'status.tell'>['report']> {
    return new Promise((done) => {
      this.#report = done;
      this.#channels.get('gateway')?.send({ frame: encodeFrame('status.ask', { request: ++this.#request }), descriptors: [] });
    });
  }

  async kill(): Promise<void> {
    this.#child.kill();
    await this.ended;
  }

  #wire(self: 'gateway' | 'allocator' | 'verity' | 'lsm'): void {
    const [ours, theirs] = native.socketPair(socketBufferBytes);
    const channel = new SocketChannel(new Descriptor(ours));
    const { log } = recordingLog(self);
    const intake = new Intake(
      {
        self,
        log,
        die: (reason) => {
          throw new Error(`the mounter sent ${self} what it must not: ${reason}`);
        },
      },
      {
        'mounts.allow': ({ request }, [holder, ...mounts]) => {
          holder?.close();
          this.#pending.get(request)?.resolve(mounts);
        },
        'directory.allow': ({ request }, [holder, ...mounts]) => {
          holder?.close();
          this.#pending.get(request)?.resolve(mounts);
        },
        'request.failed': ({ request, code, detail }) => this.#pending.get(request)?.reject(new PosternError(code, detail)),
        'request.handoff': () => {},
        'devices.state': () => {},
        'status.tell': ({ report }) => this.#report?.(report),
      },
    );
    channel.open({
      message: (frame, descriptors) => void intake.receive('mounter', frame, descriptors),
      cut: () => intake.cut('mounter'),
      closed: () => {},
    });
    this.#channels.set(self, channel);
    this.#child.tell('mesh.wire', { peer: self, generation: 2 }, [new Descriptor(theirs)]);
  }

  #end(): void {
    for (const channel of this.#channels.values()) channel.close();
    for (const { reject } of this.#pending.values()) reject(new Error('the mounter ended'));
    this.#ended();
  }
}
