/** A client in a user namespace of its own, which runs for real what clients try. */
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { resolve } from 'node:path';
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { helper } from './helper.ts';

/** The uid that starts the client, and owns its namespace. */
const ordinary = '1000';
/** The first host ID of the tests' ranges: inside of what Postern gives out, so that nobody else on the machine has it. */
export const rangeBase = 1_000_000_000 - (1_000_000_000 % 65536);
const bufferBytes = 65536;

export interface Client extends AsyncDisposable {
  /** the client's user namespace */
  readonly namespace: Descriptor;
  readonly pid: number;
  /** first host ID of its range */
  readonly base: number;
  /** Has the client do something; see client.mjs. */
  do(action: string, parameters?: Record<string, unknown>, descriptors?: readonly number[]): Promise<string>;
  /** Attaches the first mount in the client's mount namespace, and closes all of them here. */
  attach(mounts: readonly Descriptor[]): Promise<void>;
}

/** Waits for one message on a socket. */
function receive(socket: number): Promise<string> {
  return new Promise((done) => {
    const buffer = new Uint8Array(bufferBytes);
    const poller = native.poll(socket, () => {
      const message = native.receive(socket, buffer, 0);
      if (message === null) return;
      poller.close();
      done(Buffer.from(buffer.subarray(0, message.bytes)).toString());
    });
    poller.watch(true, false);
  });
}

function ended(child: ChildProcess): Promise<void> {
  return child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((done) => child.once('exit', () => done()));
}

/** @param index which of the tests' ranges it gets */
export async function startClient(index = 0): Promise<Client> {
  const base = rangeBase + index * 65536;
  const [oursFd, theirs] = native.socketPair(bufferBytes);
  const ours = new Descriptor(oursFd);
  const program = [process.execPath, resolve('test/mounter/client.mjs'), resolve('dist/postern.node')];
  const unshare = ['unshare', '--user', '--mount', '--keep-caps', '--', ...program];
  const child = spawn('setpriv', [`--reuid=${ordinary}`, `--regid=${ordinary}`, '--clear-groups', '--', ...unshare], {
    stdio: ['ignore', 'inherit', 'inherit', theirs],
  });
  native.close(theirs);
  const there = await receive(ours.fd);
  if (there !== '"there"') throw new Error('the client did not start');
  const pid = child.pid ?? 0;
  const namespace = new Descriptor(openSync(`/proc/${pid}/ns/user`, 'r'));
  const order = async (action: string, parameters: Record<string, unknown> = {}, descriptors: readonly number[] = []) => {
    native.send(ours.fd, Buffer.from(JSON.stringify({ action, ...parameters })), descriptors);
    const answer: unknown = JSON.parse(await receive(ours.fd));
    return typeof answer === 'string' ? answer : JSON.stringify(answer);
  };
  return {
    namespace,
    pid,
    base,
    do: order,
    async attach(mounts) {
      const answer = await order(
        'attach',
        {},
        mounts.map(({ fd }) => fd),
      );
      closeAll(mounts);
      if (answer !== 'ok') throw new Error(`the client could not attach a mount: ${answer}`);
    },
    async [Symbol.asyncDispose]() {
      namespace.close();
      ours.close();
      await ended(child);
    },
  };
}

/** A client that has a range, and is root of its namespace. */
export async function startMappedClient(index = 0): Promise<Client> {
  const client = await startClient(index);
  const lines = [{ inside: 0, outside: client.base, length: 65536 }];
  native.helperWriteMaps(helper(), client.namespace.fd, { uid: lines, gid: lines }, false);
  const answer = await client.do('become');
  if (answer !== 'ok') throw new Error(`the client could not become root of its namespace: ${answer}`);
  return client;
}

/** Opens an image as a caller does. */
export function openImage(path: string, writable = false): Descriptor {
  return new Descriptor(openSync(path, writable ? 'r+' : 'r'));
}
