/** What can be told about a process from outside. */
import { readFileSync } from 'node:fs';
import type { Census } from './protocol.ts';

/** statm counts in these on every machine that we run on */
const pageBytes = 4096;

/** Resident memory of a process in bytes (second field of proc_pid_statm(5)), null where it is gone. */
export function residentBytes(pid: number): number | null {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]);
    return Number.isSafeInteger(pages) ? pages * pageBytes : null;
  } catch {
    return null;
  }
}

/** The states that are shown, of those that `mesh/machine.ts` knows. */
export function publicState(state: string): Census[number]['state'] {
  if (state === 'starting' || state === 'emptying') return 'starting';
  if (state === 'ready') return 'ready';
  return state === 'failed' ? 'failed' : 'waiting';
}
