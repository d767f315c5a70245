/** kill -9 between any two steps of giving a control group: it can be given again, and ends with its namespace. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Descriptor } from '../../mesh/descriptors.ts';
import { ControlGroupGround, whyNoControlGroups } from '../support/control-groups.ts';
import { eventually } from '../support/serve.ts';
import { bundle } from './support/bundle.ts';
import { openDesk } from './support/desk.ts';
import { Shell } from './support/shell.ts';

/** More steps than a life has: the test fails when it does not come to the end by then. */
const mostSteps = 200;

describe.skipIf(whyNoControlGroups !== null)(
  `an allocator that is killed while it gives a control group${whyNoControlGroups === null ? '' : ` (${whyNoControlGroups})`}`,
  () => {
    const ground = new ControlGroupGround();
    const config = { control_groups: ground.mount };
    let child: ReturnType<typeof bundle>;
    beforeAll(() => {
      child = bundle('crash-child.ts');
    });
    afterAll(() => {
      child.remove();
      ground.remove();
    });

    /** @returns whether the life came to its end */
    async function cutAt(step: number): Promise<boolean> {
      const folder = mkdtempSync(join(tmpdir(), 'postern-crash-'));
      const shell = await Shell.start(1000);
      const group = ground.make(1000);
      try {
        const first = openDesk(config, {}, folder);
        expect(await first.allocate(shell)).toHaveProperty('name');
        first.drop();
        const args = [child.program, folder, String(step), 'group', `/proc/${shell.pid}/ns/user`, ground.mount, group];
        const { stdout, signal, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
        if (signal !== 'SIGKILL' && stdout !== 'done\n') throw new Error(`the child failed: ${stderr}`);

        using after = openDesk(config, {}, folder);
        const wasGiven = statSync(group).uid >= 524288;
        const again = await after.addControlGroup(shell.namespace(), new Descriptor(openSync(group, 'r')));
        if (wasGiven) expect(again).toMatchObject({ code: 'CONTROL_GROUP_ADDED' });
        else if ('code' in again) expect(again).toMatchObject({ code: 'CONTROL_GROUP_NOT_YOURS' });
        await shell.end();
        expect(await eventually(() => !existsSync(group) && after.status().namespaces === 0)).toBe(true);
        return signal === null;
      } finally {
        await shell.end();
        rmSync(folder, { recursive: true, force: true });
      }
    }

    it('leaves one that can be given again, and that ends with its namespace', { timeout: 300_000 }, async () => {
      let step = 1;
      while (!(await cutAt(step))) {
        step++;
        expect(step).toBeLessThan(mostSteps);
      }
      expect(step).toBeGreaterThan(20);
    });
  },
);
