/** The certification client that the suite itself brings, against the test build (test/certification). systemd's daemons have no such interface. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** @returns what the client, or the server under it, had to complain of */
export function certify(project: string): string | true {
  const runner = join(project, 'test/certification/run.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [runner, '/'], { encoding: 'utf8', cwd: '/' });
  return (status === 0 && stdout.includes('Certification passed')) || `${status}: ${stdout.slice(-600)} ${stderr.slice(-600)}`;
}
