/** The allocator's privileges: what is on the list is enough, and each entry is necessary on this kernel. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foreignRange } from '../../services/allocator/ids.ts';
import { privileges } from '../../services/allocator/privileges.ts';
import { ControlGroupGround, whyNoControlGroups } from '../support/control-groups.ts';
import { bundle } from './support/bundle.ts';
import { Shell } from './support/shell.ts';

const groups = new ControlGroupGround();
let child: ReturnType<typeof bundle>;
beforeAll(() => {
  child = bundle('locked-child.ts');
});
afterAll(() => {
  child.remove();
  groups.remove();
});

const all = privileges.capabilities.map(({ capability }) => `+${capability.toLowerCase()}`);

/** Of the foreign range, in one of uid 1000's that is closed to others. */
function foreignDirectory(folder: string): number {
  const own = join(folder, 'own');
  const foreign = join(own, 'foreign');
  mkdirSync(foreign, { recursive: true, mode: 0o700 });
  chownSync(own, 1000, 1000);
  chownSync(foreign, foreignRange.first, foreignRange.first);
  return openSync(foreign, 'r');
}

/** What an allocator says that has these capabilities only, and lacks a system call. Empty where it did not even start. */
async function run(capabilities: readonly string[], leftOut = '-'): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-locked-'));
  const [fresh, mapped] = [await Shell.start(1000), await Shell.start(1000, ['unshare', '--user', '--map-root-user'])];
  const pids = [String(fresh.pid), String(mapped.pid)];
  const group = groups.make(1000);
  const controlGroup = openSync(group, 'r');
  const args = [
    `--bounding-set=${['-all', ...capabilities].join(',')}`,
    process.execPath,
    child.program,
    folder,
    leftOut,
    ...pids,
    groups.mount,
  ];
  const directory = foreignDirectory(folder);
  const parent = openSync(join(folder, 'own'), 'r');
  const allocator = spawn('setpriv', args, { stdio: ['pipe', 'pipe', 'ignore', directory, parent, controlGroup] });
  closeSync(controlGroup);
  closeSync(directory);
  closeSync(parent);
  const { stdin, stdout } = allocator;
  if (stdin === null || stdout === null) throw new Error('the allocator has no streams');
  const ended = once(allocator, 'exit');
  let said: Record<string, unknown> = {};
  try {
    for await (const line of createInterface({ input: stdout })) {
      if (line !== 'now end') {
        said = { ...JSON.parse(line), 'control group gone': !existsSync(group) };
        continue;
      }
      await fresh.end();
      stdin.write('ended\n');
    }
    return said;
  } finally {
    allocator.kill('SIGKILL');
    await ended;
    await fresh.end();
    await mapped.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

const good = {
  full: 'SERVICE_UNAVAILABLE',
  allocate: 'ok',
  mount: 'ok',
  'mount elsewhere': 'ok',
  directory: 'ok',
  'made directory': 'ok',
  'control group': 'ok',
  'control group gone': true,
  rewritten: true,
  swept: true,
};

describe.skipIf(whyNoControlGroups !== null)(`an allocator${whyNoControlGroups === null ? '' : ` (${whyNoControlGroups})`}`, () => {
  it('does all of its work with what is on its list', async () => {
    expect(await run(all)).toEqual(good);
  });

  for (const { capability, why } of privileges.capabilities) {
    it(`can't do without ${capability}: ${why}`, async () => {
      expect(await run(all.filter((each) => each !== `+${capability.toLowerCase()}`))).not.toEqual(good);
    });
  }

  /** Those for older kernels and other machines, those after a rewrite or a directory that failed, and the one that ends the wait for a helper that hangs. */
  const elsewhere = ['pidfd_open', 'pidfd_send_signal', 'unlink', 'unlinkat', 'setsockopt', 'readlinkat'];
  for (const name of privileges.systemCalls.flatMap(({ names }) => names).filter((each) => !elsewhere.includes(each))) {
    it(`can't do without ${name}`, async () => {
      expect(await run(all, name)).not.toEqual(good);
    });
  }
});
