/** Who stands for an image before anybody looks into it. That decides which policy it is held against, and which routes are open to it. */
import type { Descriptor } from '../../mesh/descriptors.ts';
import type { ImageOptions, Peer } from '../../mesh/protocol.ts';
import { native } from '../../native/index.ts';
import { isLocal } from './local-files.ts';

/**
 * `untrusted`: nobody, so that it must speak for itself. `trusted`: the operator, by the directory that it lies in. `vouched`: somebody who was
 * asked about this image.
 */
export type Standing = 'untrusted' | 'trusted' | 'vouched';

export interface Circumstances {
  readonly image: Descriptor;
  readonly isInTrustedDirectory: boolean;
  readonly options: ImageOptions;
  readonly peer: Peer;
}

export function standingOf({ image, isInTrustedDirectory, options, peer }: Circumstances): Exclude<Standing, 'vouched'> {
  if (!isInTrustedDirectory || !isLocal(image)) return 'untrusted';
  // As with systemd: where options are given, the place is not enough.
  if (Object.keys(options.mountOptions).length > 0) return 'untrusted';
  // A descriptor that can write, in another's hand than root's, is the very proof that not only root can change the image.
  const { access } = native.describe(image.fd);
  return peer.uid === 0 || access === 'read' ? 'trusted' : 'untrusted';
}
