/** What each kind of descriptor in the message list means in the kernel's own terms. */
import { namespaceTypes, tunDevice } from '../native/constants.ts';
import type { DescriptorFacts } from '../native/index.ts';
import type { DescriptorKind } from './protocol.ts';

const isReadable = (facts: DescriptorFacts) => facts.access === 'read' || facts.access === 'read-write';

/** One rule for each kind. O_PATH has no access mode of its own, so it is never readable. */
const rules: Record<DescriptorKind, (facts: DescriptorFacts) => boolean> = {
  socket: (facts) => facts.type === 'socket' && !facts.listening,
  listener: (facts) => facts.type === 'socket' && facts.listening,
  'user-namespace': (facts) => facts.type === 'namespace' && facts.namespaceType === namespaceTypes.CLONE_NEWUSER,
  'mount-namespace': (facts) => facts.type === 'namespace' && facts.namespaceType === namespaceTypes.CLONE_NEWNS,
  'network-namespace': (facts) => facts.type === 'namespace' && facts.namespaceType === namespaceTypes.CLONE_NEWNET,
  process: (facts) => facts.type === 'process',
  image: (facts) => (facts.type === 'regular' || facts.type === 'block') && isReadable(facts),
  directory: (facts) => facts.type === 'directory',
  mount: (facts) => facts.type === 'directory' && facts.isMountRoot,
  tun: (facts) => facts.type === 'character' && facts.rdev === tunDevice,
};

/** Whether a descriptor is what a message says it is. `facts` come from the kernel (`native.describe`), never from the sender. */
export function isOfKind(kind: DescriptorKind, facts: DescriptorFacts): boolean {
  return rules[kind](facts);
}
