/** Why a volume is not opened, before any password is tried. */
import { PosternError } from '../../mesh/errors.ts';

/** It can not be so. */
export function broken(detail: string): PosternError {
  return new PosternError('LUKS_HEADER', detail);
}

/** It may be so, and is not opened. */
export function unsupported(detail: string): PosternError {
  return new PosternError('LUKS_UNSUPPORTED', detail);
}
