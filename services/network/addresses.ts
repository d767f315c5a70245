/** Ethernet addresses that an interface has each time it is made: its name says them. Pure. */
import { createHash } from 'node:crypto';

const addressBytes = 6;

/** Of either end, six bytes, locally administered (IEEE 802: not one that a maker gave out), not multicast. */
export function addressOf(hostName: string, end: 'host' | 'inside'): Uint8Array {
  const address = Uint8Array.from(createHash('sha256').update(`${end} ${hostName}`).digest().subarray(0, addressBytes));
  address[0] = ((address[0] ?? 0) & ~0x01) | 0x02;
  return address;
}
