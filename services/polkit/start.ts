/** Puts the service together from its parts. */
import type { Clock } from '../../mesh/clock.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Running } from '../../mesh/service.ts';
import { Authority } from './authority.ts';
import type { PolkitConfig } from './config.ts';
import { polkitHandlers } from './handlers.ts';
import { Place } from './place.ts';

export function startPolkit(mesh: Mesh<'polkit'>, { bus, patience }: PolkitConfig, clock: Clock): Running<'polkit'> {
  const { log } = mesh;
  const place = new Place({ path: bus, uid: process.getuid?.() ?? 0, clock, log });
  const authority = new Authority({ place, clock, log, patience });
  mesh.onPeerDown((peer) => authority.cancelAllOf(peer));
  return { handlers: polkitHandlers(mesh, authority), status: () => authority.status(), stop: () => place.close() };
}
