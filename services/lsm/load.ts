/** Finds out, by trying, whether this kernel takes the policy, and puts it in force. */
import { isSystemError, native } from '../../native/index.ts';
import { type LsmAddon, loadLsmAddon, policyObject } from '../../native/lsm/index.ts';
import type { LsmConfig } from './config.ts';
import { KernelPolicy } from './kernel-policy.ts';
import { putInForce } from './pins.ts';
import type { Loaded } from './policy.ts';
import { choose, type Program, programs } from './programs.ts';
import { packPools } from './state.ts';

const refused = (reason: string): Loaded => ({ policy: null, reason: reason.slice(0, 512) });

/**
 * @param onGone hears the name of each restricted namespace that ended
 * @param all the policy; a test may take less
 */
export function loadPolicy(config: LsmConfig, onGone: (namespace: string) => void, all: readonly Program[] = programs): Loaded {
  const refusal = native.tryBpfLsm();
  if (refusal !== null) return refused(`the kernel refuses BPF-LSM programs (${refusal})`);
  let addon: LsmAddon | null;
  try {
    addon = loadLsmAddon();
  } catch {
    return refused('libbpf is not installed');
  }
  if (addon === null || policyObject === undefined) return refused('the policy was not built: run `npm run setup`');

  const targets = [...new Set(all.flatMap(({ target, needed }) => (needed === 'always' ? [target] : [target, needed.where])))];
  const there = addon.kernelFunctions(targets);
  const { chosen, missing } = choose(all, (name) => there[targets.indexOf(name)] === true);
  // Half a promise is none: the allocator goes on as if there were no policy.
  if (missing.length > 0) return refused(`this kernel has not all hooks that the promise needs: ${missing.join(', ')}`);
  try {
    const [single, block] = config.transient;
    if (single === undefined || block === undefined) return refused('two pools must be configured');
    const pins = putInForce(addon, config.pins, policyObject, packPools(single, block), chosen);
    const policy = new KernelPolicy(addon, pins, { programs: chosen.map(({ name }) => name), missing }, onGone);
    return { policy, reason: `${chosen.length} programs ${pins.how}` };
  } catch (thrown) {
    if (!isSystemError(thrown)) throw thrown;
    const detail = 'detail' in thrown && typeof thrown.detail === 'string' ? thrown.detail : '';
    return refused(`the policy can't be put in force: ${thrown.message} ${detail.slice(-300)}`);
  }
}
