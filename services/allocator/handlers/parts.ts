/** What all of this service's handlers work with, and the check that most of them begin with. */
import type { Clock } from '../../../mesh/clock.ts';
import type { Descriptor } from '../../../mesh/descriptors.ts';
import { PosternError } from '../../../mesh/errors.ts';
import type { Mesh } from '../../../mesh/mesh.ts';
import type { Peer } from '../../../mesh/protocol.ts';
import type { Allocations } from '../allocation.ts';
import type { Authority } from '../authority.ts';
import type { AllocatorConfig } from '../config.ts';
import type { ControlGroups } from '../control-groups.ts';
import type { Endings } from '../endings.ts';
import { exempt } from '../limits.ts';
import type { Namespaces } from '../namespaces.ts';
import type { Registry } from '../registry.ts';

export interface Parts {
  readonly mesh: Mesh<'allocator'>;
  readonly clock: Clock;
  readonly limits: Pick<AllocatorConfig, 'namespaces_per_user' | 'interfaces_per_user' | 'share_per_user'>;
  readonly registry: Registry;
  readonly namespaces: Namespaces;
  readonly allocations: Allocations;
  readonly groups: Pick<ControlGroups, 'give'>;
  readonly endings: Pick<Endings, 'end' | 'removed'>;
  readonly authority: Authority;
  /** a keyed hash, in hexadecimal digits */
  readonly hash: (text: string) => string;
  /** whether an ID belongs to the pools */
  readonly isPooled: (id: number) => boolean;
  /** whether an image lies directly in a directory that the operator trusts, where only root could have put it and can change it */
  readonly isInTrustedDirectory: (image: Descriptor, name: string | null) => boolean;
  /** hears whether the kernel enforces the policy */
  readonly policy: (enforcing: boolean, reason: string) => void;
}

/** @throws NAMESPACE_NOT_YOURS of another user's namespace, unless root asks */
export function requireOwner({ namespaces }: Pick<Parts, 'namespaces'>, namespace: Descriptor, peer: Peer): void {
  if (peer.uid !== exempt && namespaces.ownerOf(namespace) !== peer.uid) throw new PosternError('NAMESPACE_NOT_YOURS');
}
