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
    const peer = { uid: owner, gid: owner, pid: process.pid };
    let requests = 0;
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

    /** As far as the policy, which has still to say that it knows who gives. */
    async function ask() {
      const call = { request: ++requests, deadline: clock.now() + budget, peer };
      await desk.fake.deliver('gateway', 'control-group.add', call, [shell.namespace(), new Descriptor(openSync(group, 'r'))]);
      const { payload, descriptors } = desk.fake.take('control-group.permit');
      const [giver, ...rest] = descriptors;
      return { giver, permitted: () => desk.fake.deliver('lsm', 'control-group.permitted', payload, rest) };
    }

    it('waits until the policy knows the process that gives', async () => {
      const { giver, permitted } = await ask();
      expect(readFileSync(`/proc/self/fdinfo/${giver?.fd}`, 'utf8')).toMatch(new RegExp(`^Pid:\\s+${process.pid}$`, 'm'));
      expect(readlinkSync(`/proc/self/fd/${giver?.fd}`)).toBe('anon_inode:[pidfd]');
      expect(statSync(group).uid).toBe(owner);
      await permitted();
      desk.fake.take('control-group.added');
      expect(statSync(group).uid).toBeGreaterThanOrEqual(524_288);
    });

    it('stays its owner’s where the policy answers after the caller’s deadline', async () => {
      const { permitted } = await ask();
      clock.advance(budget);
      await permitted();
      expect(desk.fake.take('request.failed').payload.code).toBe('TIMED_OUT');
      expect(statSync(group).uid).toBe(owner);
    });
  },
);
