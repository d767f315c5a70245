/** MakeDirectory: a directory of the foreign range in one of its caller's, which the caller itself could not give away. */
import { randomBytes } from 'node:crypto';
import { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Peer } from '../../mesh/protocol.ts';
import { isSystemError, native } from '../../native/index.ts';
import { foreignRange } from './ids.ts';

/** Root may make one in any directory, everyone else in their own. */
export function isOwn(parent: Descriptor, peer: Peer): boolean {
  return peer.uid === 0 || native.describe(parent.fd).uid === peer.uid;
}

/**
 * Makes it under a name of nobody's until it is complete; should this process end in between, that one is left, empty.
 * @throws DIRECTORY_FAILED
 */
export function makeForeignDirectory(parent: Descriptor, name: string, mode: number): Descriptor {
  const workName = `.postern-${randomBytes(8).toString('hex')}`;
  try {
    return new Descriptor(native.makeDirectory(parent.fd, name, workName, mode, foreignRange.first));
  } catch (thrown) {
    if (!isSystemError(thrown)) throw thrown;
    throw new PosternError('DIRECTORY_FAILED', `${thrown.syscall} failed with ${thrown.code}`);
  }
}
