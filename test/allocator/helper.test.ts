/** The namespace helper's end: the allocator ends with it, and the next one begins only when the old helper is known to be gone. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exitCodes } from '../../mesh/exit-codes.ts';
import { awaitFormerHelper, recordHelper } from '../../services/allocator/former-helper.ts';
import { bundle } from './support/bundle.ts';
import { type Desk, isRoot, openDesk } from './support/desk.ts';
import { Shell } from './support/shell.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-helper-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it.skipIf(!isRoot)('an allocator whose helper has died ends with a status that says so, and the next one goes on', async () => {
  const child = bundle('crash-child.ts');
  const shell = await Shell.start(1000);
  let desk: Desk | undefined;
  try {
    const args = [child.program, folder, '0', 'helperless', `/proc/${shell.pid}/ns/user`];
    expect(spawnSync(process.execPath, args, { stdio: 'ignore' }).status).toBe(exitCodes.helperLost);
    desk = openDesk({}, {}, folder);
    expect(desk.status()).toMatchObject({ namespaces: 0, containers: { held: 0, burnt: 0 } });
    expect(await desk.allocate(shell)).toHaveProperty('name');
  } finally {
    desk?.drop();
    await shell.end();
    child.remove();
  }
});

describe('a former helper', () => {
  it('is waited for', async () => {
    const helper = spawn('sleep', ['0.2'], { stdio: 'ignore' });
    await once(helper, 'spawn');
    const ended = once(helper, 'exit');
    recordHelper(folder, helper.pid ?? 0);
    awaitFormerHelper(folder);
    // Nothing ran here meanwhile, so the child can't have been waited for by Node: it is a zombie now, and can be no more.
    expect(await ended).toEqual([0, null]);
  });

  it('that is not there any more is not waited for, nor another process that has its number', () => {
    awaitFormerHelper(folder);
    recordHelper(folder, 0x7fff_fffe);
    awaitFormerHelper(folder);
    writeFileSync(join(folder, 'helper'), `${process.pid} 1`);
    awaitFormerHelper(folder);
  });

  it('that does not end keeps the allocator from starting', { timeout: 20_000 }, () => {
    recordHelper(folder, process.pid);
    expect(() => awaitFormerHelper(folder)).toThrow('does not end');
  });
});
