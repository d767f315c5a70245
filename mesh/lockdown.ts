/** The last thing before a service hears anyone: every system call that it does not need answers EPERM from then on, on every thread. */
import { native } from '../native/index.ts';
import type { Privileges } from './privileges.ts';

/** Cannot be undone, by this process or what it starts. */
export function lockDown(privileges: Privileges): void {
  if (baseSystemCalls.length === 0) return;
  native.seccompAllow([...baseSystemCalls, ...privileges.systemCalls.flatMap(({ names }) => names)]);
}

export const baseSystemCalls: readonly string[] = [];
