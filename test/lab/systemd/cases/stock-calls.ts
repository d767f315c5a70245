/** AllocateUserRange as the stock command line makes it: sid's `varlinkctl` can pass descriptors, and go on as a program. */
import { namespaces } from '../ask.ts';
import type { Case } from '../case.ts';
import { program } from '../program.ts';

const method = 'io.systemd.NamespaceResource.AllocateUserRange';
const look = 'cat /proc/self/uid_map /proc/self/gid_map | tr -s " "';

function call(name: string, parameters: object, script = look): Case {
  const text = JSON.stringify({ size: 65536, userNamespaceFileDescriptor: 0, ...parameters });
  const words = ['varlinkctl', '--exec', '--push-fd=/proc/self/ns/user', 'call', namespaces, method, text, '--', 'sh', '-c', script];
  return program('AllocateUserRange by varlinkctl', () => ['unshare', '--user', ...words], name, { suites: ['sid'] });
}

export const stockCalls: readonly Case[] = [
  call('--exec, size 65536', { name: 'va' }),
  call('--exec, size 1', { name: 'vb', size: 1 }),
  call('--exec, size 1, target 4711', { name: 'vc', size: 1, target: 4711 }),
  call('--exec, type self', { name: 'vd', size: 1, type: 'self' }),
  call('--exec, mangleName', { name: 'a-name-that-is-much-too-long-for-a-user', mangleName: true }),
  call('--exec, delegateContainerRanges 1', { name: 've', delegateContainerRanges: 1 }),
  call('--exec, mapForeign', { name: 'vf', mapForeign: true }),
  call('--exec, root of the range leaves nothing on the host', { name: 'vg' }, 'touch /home/other/left 2>/dev/null; echo $?'),
  call('a bad name', { name: 'v/a' }),
];
