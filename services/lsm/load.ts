/** Finds out, by trying, whether this kernel takes the policy, and puts it in force. */
import { native } from '../../native/index.ts';
import type { LsmConfig } from './config.ts';
import type { Loaded } from './policy.ts';

/**
 * @param onGone hears the name of each restricted namespace that ended
 */
export function loadPolicy(_config: LsmConfig, _onGone: (namespace: string) => void): Loaded {
  const refusal = native.tryBpfLsm();
  if (refusal !== null) return { policy: null, reason: `the kernel refuses BPF-LSM programs (${refusal})` };
  return { policy: null, reason: 'the kernel takes BPF-LSM programs, but this build has no policy' };
}
