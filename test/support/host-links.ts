/** The interfaces that the host has for namespaces, as `ip` shows them. */
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

/** Their names once all have gone, which is none, or those that stayed for ten seconds. */
export async function noHostLinks(): Promise<string[]> {
  let names: string[] = [];
  for (let tries = 0; tries < 200; tries++) {
    names = (await hostLinks()).map(({ ifname }) => ifname);
    if (names.length === 0) break;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  return names;
}
