/** What a message is: who may send it, who takes it, its shape, and its descriptors. Which there are stands in protocol.ts. */
import type * as v from 'valibot';

/** The processes of the mesh. `parent` is `postern serve` itself; `polkit` runs only where polkit is to be asked. */
export const services = ['gateway', 'allocator', 'verity', 'mounter', 'lsm', 'network', 'polkit'] as const;
export type ServiceName = (typeof services)[number];
export type Node = ServiceName | 'parent';

/** What kind of file a descriptor must be; `mesh/descriptors.ts` checks each against the kernel's word. */
export type DescriptorKind =
  | 'socket'
  | 'listener'
  | 'user-namespace'
  | 'mount-namespace'
  | 'network-namespace'
  | 'process'
  /** a regular file or block device, readable */
  | 'image'
  /** a directory that is only pointed at, possibly by O_PATH */
  | 'directory'
  /** a detached mount */
  | 'mount'
  /** an open /dev/net/tun, tied to its interface */
  | 'tun';

export interface Message<S extends v.GenericSchema> {
  readonly from: readonly Node[];
  readonly to: readonly Node[];
  readonly shape: S;
  /** the descriptors that must come with this payload, in order */
  readonly descriptors: (payload: v.InferOutput<S>) => readonly DescriptorKind[];
}

/** No descriptors. */
export const none: readonly DescriptorKind[] = [];

/**
 * A message of the list.
 * @param descriptors those that must come with a payload, in order
 */
export function message<const F extends readonly Node[], const T extends readonly Node[], S extends v.GenericSchema>(
  from: F,
  to: T,
  shape: S,
  descriptors: (payload: v.InferOutput<S>) => readonly DescriptorKind[] = () => none,
): Message<S> & { readonly from: F; readonly to: T } {
  return { from, to, shape, descriptors };
}
