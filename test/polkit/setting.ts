/** polkit's service with a bus of the test's own, on a clock that stands still. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { SimulatedClock } from '../../mesh/clock.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import type { Payload } from '../../mesh/protocol.ts';
import { native } from '../../native/index.ts';
import { type Answer, Authority } from '../../services/polkit/authority.ts';
import { Place } from '../../services/polkit/place.ts';
import { recordingLog } from '../support/mesh.ts';
import { FakeBus } from './fake-bus.ts';

/** Milliseconds for a question that programs answer. */
export const patience = 1000;
export const action = 'io.systemd.mount-file-system.mount-image-privately';

interface Made {
  readonly folder: string;
  readonly clock: SimulatedClock;
  readonly place: Place;
  readonly authority: Authority;
  /** this very process */
  readonly caller: Descriptor;
  bus: FakeBus;
}

export interface Setting extends Readonly<Omit<Made, 'folder'>> {
  /** A question about `action` by this process, unless `more` says otherwise. */
  asked(more?: Partial<Payload<'authority.ask'>>): Payload<'authority.ask'>;
  /** Puts one for the gateway. */
  ask(more?: Partial<Payload<'authority.ask'>>): Promise<Answer>;
  /** Begins the bus's next life, after `bus.close()`. */
  startBus(): Promise<void>;
}

async function make(): Promise<Made> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-bus-'));
  const path = join(folder, 'socket');
  const bus = await FakeBus.at(path);
  const clock = new SimulatedClock();
  const { log } = recordingLog('polkit');
  const place = new Place({ path, uid: 0, clock, log });
  const authority = new Authority({ place, clock, log, patience });
  return { folder, bus, clock, place, authority, caller: new Descriptor(native.pidfdOpen(process.pid)) };
}

/** A setting anew for each test of a file. */
export function settingForEach(): Setting {
  let made: Made | undefined;
  let requests = 0;
  const now = () => {
    if (made === undefined) throw new Error('only within a test');
    return made;
  };
  beforeEach(async () => {
    made = await make();
  });
  afterEach(async () => {
    const { folder, bus, place, caller } = now();
    made = undefined;
    place.close();
    await bus.close();
    caller.close();
    rmSync(folder, { recursive: true });
  });
  const asked: Setting['asked'] = (more = {}) => ({
    request: ++requests,
    ask: 1,
    deadline: now().clock.now() + 60_000,
    peer: { uid: 1000, gid: 1000, pid: process.pid },
    action,
    details: { read_only: '0' },
    interactive: false,
    directory: null,
    ...more,
  });
  return {
    get bus() {
      return now().bus;
    },
    get clock() {
      return now().clock;
    },
    get place() {
      return now().place;
    },
    get authority() {
      return now().authority;
    },
    get caller() {
      return now().caller;
    },
    asked,
    ask: (more) => now().authority.answer('gateway', asked(more), now().caller, undefined),
    async startBus() {
      now().bus = await FakeBus.at(join(now().folder, 'socket'));
    },
  };
}

/** Lets the sockets have their turn until something is so. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}
