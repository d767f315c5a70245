/**
 * The namespace helper of an allocator that died. It gets SIGKILL with its parent, but a write that it is in the middle of is still
 * carried out. So before a new allocator looks whether maps are written, the old helper must be known to be gone.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const pollMs = 2;
/** One system call's time, and a thousandfold reserve. */
const patienceMs = 5_000;

const file = (folder: string) => join(folder, 'helper');

/** When a process was started, in ticks since boot: with the pid, a name that is not used twice. Undefined where it has ended. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field may hold anything, a closing bracket among it; see proc(5).
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? undefined : fields[18];
  } catch {
    return undefined;
  }
}

/** Records a helper, before the first request is made of it. */
export function recordHelper(folder: string, pid: number): void {
  writeFileSync(file(folder), `${pid} ${startOf(pid) ?? ''}`, { mode: 0o600 });
}

/** Waits until the helper on record has ended. @throws when it has not within five seconds */
export function awaitFormerHelper(folder: string): void {
  const record = readRecord(folder);
  if (record === undefined) return;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; startOf(record.pid) === record.start; waited += pollMs) {
    if (waited >= patienceMs) throw new Error(`the namespace helper ${record.pid} of a former allocator does not end`);
    Atomics.wait(pause, 0, 0, pollMs);
  }
}

function readRecord(folder: string): { readonly pid: number; readonly start: string } | undefined {
  try {
    const [pid, start] = readFileSync(file(folder), 'utf8').split(' ');
    return pid === undefined || start === undefined || start === '' ? undefined : { pid: Number(pid), start };
  } catch {
    return undefined;
  }
}
