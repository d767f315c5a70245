/** The namespace helper of a test file. */
import { resolve } from 'node:path';
import { native } from '../../native/index.ts';

let socket: number | undefined;
/** The socket of one namespace helper, for all tests of a file; it ends with the process. */
export function helper(): number {
  socket ??= native.spawnHelper(resolve('dist/helper')).socket;
  return socket;
}
