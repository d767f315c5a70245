/** Who may call what. One place for all methods, so that a rule is never a method's own affair. */
import { PosternError } from '../../mesh/errors.ts';
import type { Peer } from '../../mesh/protocol.ts';
import type { MethodName } from '../../varlink/method/registry.ts';
import type { Rule } from './config.ts';

/** What is asked for, as far as it matters to who may. */
export interface Ask {
  readonly method: MethodName;
  readonly peer: Peer;
  /** the result would be for the host itself, not for a namespace */
  readonly forHost?: boolean;
  /** only programs of the host's own have a use for it */
  readonly hostsOwn?: boolean;
}

/** Whether a caller may know what services report: their reports tell of paths, processes and other users. */
export function mayKnowReports({ uid }: Peer, reportsFor: 'root' | 'everyone'): boolean {
  return uid === 0 || reportsFor === 'everyone';
}

/**
 * Everyone may have a range for a namespace of their own, and a mount for such a namespace: what an image may be is a question of trust in the image.
 * A mount for the host, where nothing shifts its owners, is root's alone.
 * @throws PosternError PERMISSION_DENIED
 */
export function authorise({ peer, forHost = false, hostsOwn = false }: Ask): void {
  if (hostsOwn && peer.uid !== 0) throw new PosternError('PERMISSION_DENIED', 'this is for the daemons of the host');
  if (forHost && peer.uid !== 0) {
    throw new PosternError('PERMISSION_DENIED', 'without a user namespace a mount is for the host, and only root may have that');
  }
}

/**
 * The operator's rule for a method, before the method's own. Root may always call, as with the originals: nothing keeps it out anyway.
 * A group counts where it was the caller's effective one when it connected; the kernel's word on a socket (SO_PEERCRED) has no others.
 * @throws PosternError PERMISSION_DENIED
 */
export function obey(rule: Rule, { uid, gid }: Peer): void {
  if (rule === 'any' || uid === 0) return;
  if (rule !== 'root' && (rule.uids.includes(uid) || rule.gids.includes(gid))) return;
  throw new PosternError('PERMISSION_DENIED', 'the configuration of this machine lets others call this method');
}
