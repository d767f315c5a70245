/** What the numbers are to be, and whether they are. Pure. */
import type { FirstMount } from './first-mount.ts';
import type { Held } from './held.ts';
import type { Measured } from './scenarios.ts';

export interface Results {
  readonly scenarios: readonly Measured[];
  readonly firstMounts: readonly FirstMount[];
  /** null where it was not asked for */
  readonly held: Held | null;
}

export interface Aim {
  readonly aim: string;
  readonly measured: string;
  readonly met: boolean;
}

/** MountImage: at most this long at the median, with one client. */
const mountMicroseconds = 1500;
/** … and at most so many times the floor, plus so much. */
const floorTimes = 2;
const floorPlusMicroseconds = 500;
/** "Near the speed of SHA-256": a copy is read, written and hashed, the plain hash only hashes. */
const hashTimes = 2;
/** "What the first did": within what two medians of a hundred samples differ by chance. */
const heldTimes = 1.25;

const ms = (microseconds: number) => `${(microseconds / 1000).toFixed(2)} ms`;

export function judge({ scenarios, firstMounts, held }: Results): Aim[] {
  const mounts = scenarios
    .filter(({ name, clients }) => name.startsWith('MountImage') && clients === 1)
    .flatMap(({ name, floor, server }) => {
      const most = floorTimes * floor.p50 + floorPlusMicroseconds;
      return [
        { aim: `${name}: p50 under ${ms(mountMicroseconds)}`, measured: ms(server.p50), met: server.p50 < mountMicroseconds },
        { aim: `${name}: p50 within 2 × floor + 0.5 ms, here ${ms(most)}`, measured: ms(server.p50), met: server.p50 <= most },
      ];
    });
  const first = firstMounts.map(({ mebibytes, server, sha256 }) => ({
    aim: `first mount of ${mebibytes.toFixed(0)} MiB within ${hashTimes} × plain SHA-256`,
    measured: `${(server / sha256).toFixed(2)} ×`,
    met: server <= hashTimes * sha256,
  }));
  return held === null ? [...mounts, ...first] : [...mounts, ...first, judgeHeld(held)];
}

function judgeHeld({ held, first, last }: Held): Aim {
  return {
    aim: `allocation ${held} within ${heldTimes} × the first`,
    measured: `${(last / first).toFixed(2)} ×`,
    met: last <= heldTimes * first,
  };
}
