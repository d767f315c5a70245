/** The policy that is in force for a request: the operator's, narrowed by the caller's. */
import { type ImagePolicy, intersect, parsePolicy, printPolicy } from '../../image/policy.ts';
import { PosternError } from '../../mesh/errors.ts';
import { LeastRecentlyUsed } from './lru.ts';

export interface PolicyInForce {
  readonly policy: ImagePolicy;
  /** in its shortest form, for the reply */
  readonly text: string;
}

/** Clients send a handful of different policies. */
const remembered = 64;

/** One policy of the operator's with what callers made of it. */
export class OperatorsPolicy {
  readonly #whole: PolicyInForce;
  readonly #narrowed = new LeastRecentlyUsed<string, PolicyInForce>(remembered);

  /** @throws PosternError POLICY_INVALID */
  constructor(text: string) {
    const policy = parsePolicy(text);
    this.#whole = { policy, text: printPolicy(policy) };
  }

  /**
   * @param asked the caller's own
   * @throws PosternError POLICY_INVALID, POLICY_DENIED
   */
  inForce(asked: string | null): PolicyInForce {
    if (asked === null) return this.#whole;
    const known = this.#narrowed.get(asked);
    if (known !== undefined) return known;
    const policy = intersect(this.#whole.policy, parsed(asked));
    const inForce = { policy, text: printPolicy(policy) };
    this.#narrowed.set(asked, inForce);
    return inForce;
  }
}

function parsed(asked: string): ImagePolicy {
  try {
    return parsePolicy(asked);
  } catch (thrown) {
    if (thrown instanceof PosternError) throw new PosternError(thrown.code, thrown.detail, 'imagePolicy');
    throw thrown;
  }
}
