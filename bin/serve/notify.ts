/** The service manager's protocol: sd_notify(3) and sd_listen_fds(3). Nothing happens where there is none. */
import { readFileSync } from 'node:fs';
import { Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';

/** The first descriptor that a service manager passes. */
const firstPassed = 3;

/** Tells the service manager how we are, such as `READY=1`. A manager that does not listen is no reason to fail. */
export function notify(...state: readonly string[]): void {
  const address = process.env.NOTIFY_SOCKET;
  if (address === undefined || address === '') return;
  try {
    native.sendDatagram(address, Buffer.from(state.join('\n')), []);
  } catch {
    // it will find out by its own time-out
  }
}

/**
 * The listening socket that the service manager made for us, where it did, with its path.
 * @throws {Failure} when what was passed is not one listening Unix stream socket
 */
export function passedListener(): { readonly listener: Descriptor; readonly path: string } | undefined {
  const { LISTEN_PID: pid, LISTEN_FDS: count } = process.env;
  if (pid !== String(process.pid) || count === undefined || count === '0') return undefined;
  native.setCloseOnExec(firstPassed, true);
  const listener = new Descriptor(firstPassed);
  const { socketType, isUnixSocket, listening, inode } = native.describe(listener.fd);
  if (count !== '1' || socketType !== 'stream' || !isUnixSocket || !listening) {
    const what = 'the service manager must pass exactly one listening Unix stream socket';
    throw new Failure({ what, next: 'see packaging/postern.socket', exitCode: exitCodes.config });
  }
  return { listener, path: pathOf(inode) };
}

/** A Unix socket's path by its inode, as the kernel lists it (proc_net(5)). */
function pathOf(inode: bigint): string {
  const lines = readFileSync('/proc/net/unix', 'utf8').split('\n');
  const fields = lines.map((line) => line.trim().split(/\s+/)).find((each) => each[6] === String(inode));
  return fields?.[7] ?? '(passed by the service manager)';
}
