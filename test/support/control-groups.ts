/** Control groups of a test's own, below the machine's. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { controlGroups } from '../../bin/serve/control-groups.ts';

const mount = controlGroups();

/** Why there can be none here, or null. */
export const whyNoControlGroups =
  process.getuid?.() !== 0 ? 'needs root' : existsSync(join(mount, 'cgroup.controllers')) ? null : 'cgroup2 is not mounted';

export class ControlGroupGround {
  readonly mount = mount;
  #folder: string | undefined;
  #made = 0;

  /** Where the test's own lie. */
  get folder(): string {
    if (this.#folder === undefined) {
      this.#folder = mkdtempSync(join(mount, 'postern-test-'));
      // ranges have to find their way through
      chmodSync(this.#folder, 0o755);
    }
    return this.#folder;
  }

  /** A new one, delegated to a user. */
  make(uid: number): string {
    const group = join(this.folder, `group${++this.#made}`);
    mkdirSync(group);
    for (const name of ['.', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads']) chownSync(join(group, name), uid, uid);
    return group;
  }

  /** A process that does nothing, moved into a group. At the end of its scope it is back outside, and ended. */
  processIn(group: string): ChildProcess & Disposable {
    const child = spawn('sleep', ['600'], { stdio: 'ignore' });
    writeFileSync(join(group, 'cgroup.procs'), String(child.pid));
    const end = () => {
      writeFileSync(join(mount, 'cgroup.procs'), String(child.pid));
      child.kill('SIGKILL');
    };
    return Object.assign(child, { [Symbol.dispose]: end });
  }

  /** Removes one that nobody is in, with all below. */
  removeNow(group: string): void {
    for (const entry of readdirSync(group, { withFileTypes: true })) if (entry.isDirectory()) this.removeNow(join(group, entry.name));
    rmdirSync(group);
  }

  /** Removes all that the test made. */
  remove(): void {
    if (this.#folder !== undefined) this.removeNow(this.#folder);
  }
}
