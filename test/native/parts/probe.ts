/** Builds probe.c, once for a test file. */
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Compiles the probe into a folder and returns its path; anybody may run it. */
export function buildProbe(folder: string): string {
  const path = join(folder, 'probe');
  const helper = resolve(import.meta.dirname, '../../../native/helper');
  const sources = [join(import.meta.dirname, 'probe.c'), join(helper, 'corpse.c'), join(helper, 'reply.c')];
  execFileSync('cc', ['-static', '-no-pie', '-w', ...sources, '-o', path]);
  chmodSync(folder, 0o755);
  chmodSync(path, 0o755);
  return path;
}
