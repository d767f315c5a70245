/** Who may call what. One place for all methods, so that a rule is never a method's own affair. */
import { PosternError } from '../../mesh/errors.ts';
import type { Peer } from '../../mesh/protocol.ts';
import type { MethodName } from '../../varlink/method/registry.ts';
import type { GatewayConfig, Rule } from './config.ts';
import { isAskedAbout } from './questions.ts';

/** What is asked for, as far as it matters to who may. */
export interface Ask {
  readonly method: MethodName;
  readonly peer: Peer;
  /** the result would be for the host itself, not for a namespace */
  readonly forHost?: boolean;
  /** only programs of the host's own have a use for it */
  readonly hostsOwn?: boolean;
  /** polkit is asked about it */
  readonly asked?: boolean;
}

/** Whether a caller may know what services report: their reports tell of paths, processes and other users. */
export function mayKnowReports({ uid }: Peer, reportsFor: 'root' | 'everyone'): boolean {
  return uid === 0 || reportsFor === 'everyone';
}

/**
 * Everyone may have a range for a namespace of their own, and a mount for such a namespace: what an image may be is a question of trust in the image.
 * A mount for the host, where nothing shifts its owners, is root's alone, unless polkit lets others have it.
 * @throws PosternError PERMISSION_DENIED
 */
export function authorise({ peer, forHost = false, hostsOwn = false, asked = false }: Ask): void {
  if (hostsOwn && peer.uid !== 0) throw new PosternError('PERMISSION_DENIED', 'this is for the daemons of the host');
  if (forHost && !asked && peer.uid !== 0) {
    throw new PosternError('PERMISSION_DENIED', 'without a user namespace a mount is for the host, and only root may have that');
  }
}

/** Who may call a method: what the operator set, or by default polkit where it is to be asked and knows the method, and else everybody. */
export function ruleFor(method: string, { who, polkit }: Pick<GatewayConfig, 'who' | 'polkit'>): Rule {
  return who[method] ?? (polkit && isAskedAbout(method) ? 'polkit' : 'any');
}

/**
 * The operator's rule for a method, before the method's own. Root may always call, as with the originals: nothing keeps it out anyway.
 * A group counts where it was the caller's effective one when it connected; the kernel's word on a socket (SO_PEERCRED) has no others.
 * @returns whether polkit has the last word, once it is known what exactly is asked for
 * @throws PosternError PERMISSION_DENIED
 */
export function obey(rule: Rule, { uid, gid }: Peer): boolean {
  if (rule === 'any' || uid === 0) return false;
  if (rule === 'polkit') return true;
  if (rule !== 'root' && (rule.uids.includes(uid) || rule.gids.includes(gid))) return false;
  throw new PosternError('PERMISSION_DENIED', 'the configuration of this machine lets others call this method');
}
