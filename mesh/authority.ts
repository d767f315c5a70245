/**
 * What polkit is asked, on one page: the actions of systemd's own daemons, under the same names, so that an administrator's rules hold here
 * too. Read from the policy files of systemd 262.
 */
import { PosternError } from './errors.ts';

/** `whenAbsent`: what holds where there is no polkit. Its own policy says yes to everybody for those that are then allowed. */
export const actions = {
  'io.systemd.namespace-resource.allocate-user-namespace': { whenAbsent: 'allow' },
  'io.systemd.namespace-resource.register-user-namespace': { whenAbsent: 'allow' },
  'io.systemd.namespace-resource.delegate-mount': { whenAbsent: 'allow' },
  'io.systemd.namespace-resource.delegate-cgroup': { whenAbsent: 'allow' },
  'io.systemd.namespace-resource.delegate-network-interface': { whenAbsent: 'allow' },
  // an image, for the host and for a namespace of the caller's
  'io.systemd.mount-file-system.mount-image': { whenAbsent: 'deny' },
  'io.systemd.mount-file-system.mount-image-privately': { whenAbsent: 'allow' },
  // one that nobody vouches for
  'io.systemd.mount-file-system.mount-untrusted-image': { whenAbsent: 'deny' },
  'io.systemd.mount-file-system.mount-untrusted-image-privately': { whenAbsent: 'deny' },
  'io.systemd.mount-file-system.mount-directory': { whenAbsent: 'deny' },
  'io.systemd.mount-file-system.mount-directory-privately': { whenAbsent: 'allow' },
  // one of somebody else's
  'io.systemd.mount-file-system.mount-untrusted-directory': { whenAbsent: 'deny' },
  'io.systemd.mount-file-system.mount-untrusted-directory-privately': { whenAbsent: 'deny' },
  'io.systemd.mount-file-system.make-directory': { whenAbsent: 'allow' },
  'io.systemd.mount-file-system.make-directory-untrusted': { whenAbsent: 'deny' },
} as const satisfies Record<string, { readonly whenAbsent: 'allow' | 'deny' }>;

export type Action = keyof typeof actions;

function isAction(name: string): name is Action {
  return Object.hasOwn(actions, name);
}
/** Every action's name. */
export const actionNames: readonly Action[] = Object.keys(actions).filter(isAction);

/**
 * What came of a question. `challenge`: yes for somebody who proves who they are, which was not asked of them, or could not be.
 * `absent`: there is no polkit here, or it does not know the action. `failed`: nobody knows, so the answer is no.
 */
export const verdicts = ['yes', 'no', 'challenge', 'absent', 'failed'] as const;
export type Verdict = (typeof verdicts)[number];

/**
 * Whether a verdict lets the caller do it.
 * @param detail what went wrong, where it failed
 * @throws PosternError INTERACTION_REQUIRED, AUTHORITY_FAILED
 */
export function isAllowed(action: Action, verdict: Verdict, detail: string): boolean {
  if (verdict === 'challenge') throw new PosternError('INTERACTION_REQUIRED', action);
  if (verdict === 'failed') throw new PosternError('AUTHORITY_FAILED', detail);
  return verdict === 'yes' || (verdict === 'absent' && actions[action].whenAbsent === 'allow');
}
