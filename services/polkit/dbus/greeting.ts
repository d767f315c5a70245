/** How a bus learns who we are: by the kernel's word on the socket (SASL EXTERNAL), of which we only say what it will be. Pure. */
import { Breach } from './reader.ts';

/** The first bytes of a connection: a NUL, since some kernels tell credentials with a byte only, and our uid in the digits' own hex. */
export function hail(uid: number): string {
  return `\0AUTH EXTERNAL ${Buffer.from(String(uid)).toString('hex')}\r\n`;
}

/** Ends the greeting; what follows are messages. */
export const begin = 'BEGIN\r\n';

/** @throws Breach where the bus does not let us in */
export function checkWelcome(line: string): void {
  if (!/^OK [0-9a-f]{32}$/.test(line)) throw new Breach(`the bus does not let us in: ${line.replace(/[^ -~]/g, '?').slice(0, 64)}`);
}
