/** A dm-verity device over the caller's own file. */
import { PosternError } from '../../../mesh/errors.ts';
import type { Source } from './source.ts';

/** Not served yet: verity plans such a source only where the kernel has device mapper. */
export function openVerityDevice(): Source {
  throw new PosternError('MOUNT_FAILED', 'dm-verity devices are not served yet');
}
