/** Sleeps on this worker's thread only; a worker makes no asynchronous call. */
export function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
