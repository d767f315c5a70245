/** What making network interfaces needs, and nothing more. Each entry was found by leaving it out. */
import type { Privileges } from '../../mesh/privileges.ts';

export const privileges: Privileges = {
  service: 'network',
  // root without its powers: where no udev opens it to all, /dev/net/tun is root's alone
  user: 'root',
  capabilities: [{ capability: 'NET_ADMIN', why: 'interfaces of the host, and the end that is born in a network namespace below' }],
  view: [{ source: '/dev/net/tun', access: 'devices', optional: true, why: 'each tap is a descriptor of it' }],
  systemCalls: [{ names: ['openat'], why: '/dev/net/tun, once for each tap. The socket to the kernel is there before the lock-down' }],
  network: 'host',
  why: 'makes the interfaces that connect namespaces to the host, and removes them when their namespace ended',
};
