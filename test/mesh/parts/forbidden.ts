/** What a locked service must not be able to do. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isSystemError } from '../../../native/index.ts';

/** Tries each, and tells what came of it: `worked`, or the error's code. */
export function forbidden(): Record<string, string> {
  return {
    open: outcome(() => readFileSync('/postern/part.mjs', { encoding: 'utf8' })),
    execute: outcome(() => {
      const { error } = spawnSync('/usr/bin/true');
      if (error !== undefined) throw error;
    }),
  };
}

function outcome(attempt: () => unknown): string {
  try {
    attempt();
    return 'worked';
  } catch (error) {
    return isSystemError(error) ? error.code : String(error);
  }
}
