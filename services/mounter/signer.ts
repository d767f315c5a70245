/** Whether the kernel believes who signed an image, for verity, which can't ask it. */
import type { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Payload } from '../../mesh/protocol.ts';
import type { JobOutcome, SignerJob } from './job.ts';
import { attempt, type Bench, inTime, outcomeOf } from './mount.ts';
import { devicePrefix } from './sources/mapped-device.ts';
import { tryVerityTable, verityDevice } from './sources/verity-device.ts';
import { checkVerityTable } from './sources/verity-table.ts';

export type Verdict = Pick<Payload<'signer.told'>, 'refusal' | 'detail'>;

/** @param descriptors data and hash tree; borrowed */
export async function judgeSigner(
  { ask, deadline, device }: Payload<'signer.ask'>,
  descriptors: readonly Descriptor[],
  run: (job: SignerJob) => Promise<JobOutcome>,
): Promise<Verdict> {
  const [data, hash] = descriptors;
  if (data === undefined || hash === undefined) throw new PosternError('INTERNAL');
  checkVerityTable(device);
  // a name of its own, since it is never put in force
  const name = `${devicePrefix}signer-${ask}`;
  const outcome = await run({ deadline, device: verityDevice(device, name, data.fd, hash.fd) });
  return outcome.kind === 'refused' ? { refusal: outcome.code, detail: outcome.detail } : { refusal: null, detail: '' };
}

/** A refusal of our own is one of the mount's, too. */
export function asVerdict(thrown: unknown): Verdict {
  if (thrown instanceof PosternError) return { refusal: thrown.code, detail: thrown.detail };
  throw thrown;
}

/** The worker's part. */
export function carryOutSigner({ device, deadline }: SignerJob, bench: Bench): JobOutcome {
  return outcomeOf(() => {
    inTime({ deadline }, bench);
    attempt('the signature', () => tryVerityTable(bench.kernel, device));
    return [];
  });
}
