/** The network service as the parent runs it: what is on its list is enough, and each entry is necessary. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Child } from '../../mesh/child.ts';
import { systemClock } from '../../mesh/clock.ts';
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import { encodeFrame } from '../../mesh/frame.ts';
import { Intake } from '../../mesh/intake.ts';
import { launchCommand } from '../../mesh/launch.ts';
import type { Privileges } from '../../mesh/privileges.ts';
import type { Payload } from '../../mesh/protocol.ts';
import { SocketChannel, socketBufferBytes } from '../../mesh/socket-channel.ts';
import { native } from '../../native/index.ts';
import { privileges } from '../../services/network/privileges.ts';
import { hostLinks } from '../support/host-links.ts';
import { recordingLog } from '../support/mesh.ts';
import { isRoot } from '../support/serve.ts';

const built = existsSync('dist/network.mjs') && existsSync('dist/launcher');
const hasTun = existsSync('/dev/net/tun');
const owner = 1_000_000_000;

/** What came of an order: the interface, or the kernel's word. */
type Outcome = { readonly name: string; readonly descriptors: Descriptor[] } | string;

/** A service with the privileges it is given; the test plays gateway and allocator. */
class NetworkProcess {
  readonly #child: Child;
  readonly #channels: SocketChannel[] = [];
  readonly #ended: Promise<void>;
  #tell: (outcome: Outcome) => void = () => {};
  #removed: (namespace: string) => void = () => {};

  private constructor(given: Privileges, ready: () => void) {
    const command = launchCommand(given, { dist: resolve('dist'), folders: {} });
    const { log } = recordingLog('network');
    let end = () => {};
    this.#ended = new Promise((done) => {
      end = done;
    });
    this.#child = new Child('network', 1, { ...command, environment: { POSTERN_LOG_LEVEL: 'silent' } }, log, systemClock, {
      ready,
      condemned: () => this.#child.kill(),
      exited: () => end(),
    });
  }

  /** Null where it did not get ready. */
  static async start(given: Privileges): Promise<NetworkProcess | null> {
    let ready = () => {};
    const isReady = new Promise<true>((done) => {
      ready = () => done(true);
    });
    const network = new NetworkProcess(given, () => ready());
    network.#child.tell('mesh.configure', { generation: 1, config: {} });
    const made = network.#wire('allocator');
    network.#wire('gateway');
    network.#send = (name, payload, descriptors) => void made.send({ frame: encodeFrame(name, payload), descriptors });
    return (await Promise.race([isReady, network.#ended.then(() => false as const)])) ? network : null;
  }

  #send: <N extends 'interface.make' | 'interfaces.remove'>(name: N, payload: Payload<N>, descriptors: Descriptor[]) => void = () => {};

  make(order: Omit<Payload<'interface.make'>, 'request'>, descriptors: Descriptor[]): Promise<Outcome> {
    return new Promise((done) => {
      this.#tell = done;
      this.#send('interface.make', { request: 1, ...order }, descriptors);
    });
  }

  remove(order: Payload<'interfaces.remove'>): Promise<string> {
    return new Promise((done) => {
      this.#removed = done;
      this.#send('interfaces.remove', order, []);
    });
  }

  async end(): Promise<void> {
    this.#child.kill();
    await this.#ended;
    for (const channel of this.#channels) channel.close();
  }

  #wire(self: 'gateway' | 'allocator'): SocketChannel {
    const [ours, theirs] = native.socketPair(socketBufferBytes);
    const channel = new SocketChannel(new Descriptor(ours));
    const die = (reason: string) => {
      throw new Error(`it sent what it must not: ${reason}`);
    };
    const intake = new Intake(
      { self, log: recordingLog(self).log, die },
      {
        'interface.made': ({ name }, descriptors) => this.#tell({ name, descriptors }),
        'interfaces.removed': ({ namespace, complete }) => this.#removed(complete ? namespace : 'not all'),
        'request.failed': ({ code, detail }) => this.#tell(`${code}: ${detail}`),
        'request.handoff': () => {},
      },
    );
    channel.open({
      message: (frame, descriptors) => void intake.receive('network', frame, descriptors),
      cut: () => intake.cut('network'),
      closed: () => {},
    });
    this.#channels.push(channel);
    this.#child.tell('mesh.wire', { peer: self, generation: 2 }, [new Descriptor(theirs)]);
    return channel;
  }
}

describe.skipIf(!isRoot || !built)('the network service (needs root and a build)', () => {
  const names = { name: 'ns-privileges', alternative: 'ns-0-privileges' };
  let tenant: ChildProcess;
  let network: NetworkProcess | null = null;

  beforeEach(async () => {
    tenant = spawn('unshare', ['--user', '--net', 'sh', '-c', 'echo; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (tenant.stdout !== null) await once(tenant.stdout, 'data');
  });
  afterEach(async () => {
    await network?.end();
    const ended = once(tenant, 'exit');
    tenant.kill('SIGKILL');
    await ended;
    await expect.poll(async () => (await hostLinks()).length).toBe(0);
  });

  /** What it does with such privileges: a pair, then a tap, then the removal of both. */
  async function tryAll(given: Privileges) {
    network = await NetworkProcess.start(given);
    if (network === null) return 'did not start';
    const said = (outcome: Outcome) => {
      if (typeof outcome !== 'string') closeAll(outcome.descriptors);
      return typeof outcome === 'string' ? outcome : 'made';
    };
    const order = { namespace: 'id:1', owner, ...names };
    const inside = new Descriptor(openSync(`/proc/${tenant.pid}/ns/net`, 'r'));
    const veth = said(await network.make({ ...order, kind: 'veth', inner: 'host0' }, [inside]));
    const isOnHost = (await hostLinks()).some(({ ifname }) => ifname === names.name);
    const removed = await network.remove({ namespace: 'id:1', interfaces: [names] });
    const tap = hasTun ? said(await network.make({ ...order, name: 'ns-tap', kind: 'tap', inner: null }, [])) : 'made';
    return { veth, isOnHost, removed, tap };
  }
  const works = { veth: 'made', isOnHost: true, removed: 'id:1', tap: 'made' };
  const failed = (what: string) => `INTERFACE_FAILED: ${what}`;

  it('makes and removes with what it has', async () => {
    expect(await tryAll(privileges)).toEqual(works);
  });

  it('without CAP_NET_ADMIN makes nothing', async () => {
    expect(await tryAll({ ...privileges, capabilities: [] })).toMatchObject({
      veth: failed('EPERM, RTM_NEWLINK'),
      ...(hasTun ? { tap: failed('EPERM, ioctl(TUNSETIFF)') } : {}),
    });
  });

  it.skipIf(!hasTun)('without /dev/net/tun makes no tap', async () => {
    expect(await tryAll({ ...privileges, view: [] })).toEqual({ ...works, tap: failed('EOPNOTSUPP, open') });
  });

  it('in a network of its own does not reach the host’s', async () => {
    const { network: _, ...apart } = privileges;
    expect(await tryAll(apart)).toMatchObject({ veth: 'made', isOnHost: false });
  });
});
