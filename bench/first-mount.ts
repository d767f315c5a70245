/** The first mount of an image copies it and checks all of it: its time per MiB, beside SHA-256 of the same bytes and nothing else. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { MiB } from './images.ts';
import type { Programs } from './programs.ts';
import { median } from './statistics.ts';

export interface FirstMount {
  readonly mebibytes: number;
  /** medians, in milliseconds per MiB */
  readonly server: number;
  readonly sha256: number;
}

/** One thread, bytes in memory already, milliseconds. */
function hashTime(bytes: Uint8Array): number {
  const start = performance.now();
  createHash('sha256').update(bytes).digest();
  return performance.now() - start;
}

/** @param freshServer starts a server that has never seen the image */
export async function measureFirstMount(
  image: string,
  repeats: number,
  programs: Programs,
  freshServer: () => Promise<{ readonly socket: string } & AsyncDisposable>,
): Promise<FirstMount> {
  const bytes = readFileSync(image);
  const mebibytes = statSync(image).size / MiB;
  const [server, sha256]: [number[], number[]] = [[], []];
  for (let round = 0; round < repeats; round++) {
    sha256.push(hashTime(bytes));
    await using fresh = await freshServer();
    const { latencies } = await programs.load('first', fresh.socket, image);
    server.push((latencies[0] ?? Number.NaN) / 1e6);
  }
  return { mebibytes, server: median(server) / mebibytes, sha256: median(sha256) / mebibytes };
}
