/** AddControlGroupToUserNamespace between the allocator and the policy, which must know who gives before anything is given. */
import { openSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../mesh/clock.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import { ControlGroupGround, whyNoControlGroups } from '../support/control-groups.ts';
import { type Desk, openDesk } from './support/desk.ts';
import { Shell } from './support/shell.ts';

const owner = 1000;
const budget = 5_000;

describe.skipIf(whyNoControlGroups !== null)(
  `a control group on its way to a namespace${whyNoControlGroups === null ? '' : ` (${whyNoControlGroups})`}`,
  () => {
    const ground = new ControlGroupGround();
    let desk: Desk;
    let clock: SimulatedClock;
    let shell: Shell;
    let group: string;
    beforeEach(async () => {
      clock = new SimulatedClock();
      desk = openDesk({ control_groups: ground.mount }, { clock });
      shell = await Shell.start(owner);
      group = ground.make(owner);
      await desk.allocate(shell);
    });
    afterEach(async () => {
      await shell.end();
      desk[Symbol.dispose]();
    });
    afterAll(() => ground.remove());

    const folder = () => new Descriptor(openSync(group, 'r'));

    it('waits until the policy knows the process that gives', async () => {
      const answer = await desk.addControlGroup(shell.namespace(), folder(), {}, ({ fd }) => {
        expect(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toMatch(new RegExp(`^Pid:\\s+${process.pid}$`, 'm'));
        expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe('anon_inode:[pidfd]');
        expect(statSync(group).uid).toBe(owner);
      });
      expect(answer).not.toHaveProperty('code');
      expect(statSync(group).uid).toBeGreaterThanOrEqual(524_288);
      expect.assertions(5);
    });

    it('stays its owner’s where the policy answers after the caller’s deadline', async () => {
      const deadline = clock.now() + budget;
      const answer = await desk.addControlGroup(shell.namespace(), folder(), { deadline }, () => clock.advance(budget));
      expect(answer).toMatchObject({ code: 'TIMED_OUT' });
      expect(statSync(group).uid).toBe(owner);
    });
  },
);
