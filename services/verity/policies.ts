/** The policy that is in force for a request: the operator's, narrowed by the caller's. */
import { type ImagePolicy, intersect, parsePolicy, printPolicy, untrustedPolicy } from '../../image/policy.ts';
import { PosternError } from '../../mesh/errors.ts';
import { LeastRecentlyUsed } from './lru.ts';

export interface PolicyInForce {
  readonly policy: ImagePolicy;
  /** in its shortest form, for the reply */
  readonly text: string;
}

/** Clients send a handful of different policies. */
const remembered = new LeastRecentlyUsed<string, PolicyInForce>(64);
const untrusted: PolicyInForce = { policy: untrustedPolicy, text: printPolicy(untrustedPolicy) };

/** @throws PosternError POLICY_INVALID, POLICY_DENIED */
export function policyInForce(asked: string | null): PolicyInForce {
  if (asked === null) return untrusted;
  const known = remembered.get(asked);
  if (known !== undefined) return known;
  const policy = narrowed(asked);
  const inForce = { policy, text: printPolicy(policy) };
  remembered.set(asked, inForce);
  return inForce;
}

function narrowed(asked: string): ImagePolicy {
  try {
    return intersect(untrustedPolicy, parsePolicy(asked));
  } catch (thrown) {
    if (thrown instanceof PosternError && thrown.code === 'POLICY_INVALID')
      throw new PosternError(thrown.code, thrown.detail, 'imagePolicy');
    throw thrown;
  }
}
