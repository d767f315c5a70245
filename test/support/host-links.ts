/** The interfaces that the host has for namespaces, as `ip` shows them, and what can be done with them. */
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import type { Descriptor } from '../../mesh/descriptors.ts';
import { run } from './serve.ts';

export interface HostLink {
  readonly ifname: string;
  readonly ifalias?: string;
  readonly altnames?: readonly string[];
  readonly address: string;
  readonly flags: readonly string[];
  readonly linkinfo?: {
    readonly info_kind: string;
    readonly info_data?: { readonly type?: string; readonly vnet_hdr?: boolean; readonly pi?: boolean };
  };
}

export async function hostLinks(): Promise<HostLink[]> {
  const { stdout } = await run('ip', ['-json', '-details', 'link', 'show']);
  const all: HostLink[] = JSON.parse(stdout);
  return all.filter(({ ifname }) => ifname.startsWith('ns-'));
}

/** Their names once all have gone, which is none, or those that stayed for thirty seconds. */
export async function noHostLinks(): Promise<string[]> {
  let names: string[] = [];
  for (let tries = 0; tries < 600; tries++) {
    names = (await hostLinks()).map(({ ifname }) => ifname);
    if (names.length === 0) break;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  return names;
}

/**
 * What comes back where a process in a namespace connects to the host.
 * @param enter how nsenter gets there
 */
export async function greet(enter: readonly string[], address: string): Promise<string> {
  const host = createServer((socket) => void socket.end('hello'));
  await new Promise<void>((resolve) => host.listen(0, address, resolve));
  try {
    const bound = host.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const program = `require('node:net').connect(${port}, '${address}').pipe(process.stdout)`;
    const { stdout } = await run('nsenter', [...enter, process.execPath, '-e', program]);
    return stdout;
  } finally {
    host.close();
  }
}

/** TUNSETPERSIST, as anybody may who holds a tap; and lets go of it. False where that was refused. */
export function makeLast(tap: Descriptor): boolean {
  const program = 'open(TAP, "+<&=3") or die $!; ioctl(TAP, 0x400454cb, 1) or die $!';
  const { status } = spawnSync('setpriv', ['--reuid=1000', '--clear-groups', 'perl', '-e', program], {
    stdio: ['ignore', 'inherit', 'inherit', tap.fd],
  });
  tap.close();
  return status === 0;
}
