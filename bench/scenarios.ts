/** What is measured, and in which order: floor and server take turns, so that whatever else the machine does meets both. */
import type { Programs } from './programs.ts';
import { type Run, type Summary, summarise } from './statistics.ts';

/** Turns per scenario. More, shorter ones spread a disturbance over both sides. */
const rounds = 10;
/** Calls of each client in a turn. */
const eachAlone = 200;
const eachOfMany = 25;
export const manyClients = 16;
/** Before anything counts: compilers compile, caches fill. */
const warmUp = 500;

export interface Setting {
  readonly programs: Programs;
  readonly socket: string;
  /** signed images, for the server */
  readonly erofs: string;
  readonly squashfs: string;
  /** bare ones, for the floor */
  readonly bareErofs: string;
  readonly bareSquashfs: string;
}

export interface Measured {
  readonly name: string;
  readonly clients: number;
  readonly floor: Summary;
  readonly server: Summary;
}

interface Scenario {
  readonly name: string;
  floor(setting: Setting, clients: number, each: number): Promise<Run>;
  server(setting: Setting, clients: number, each: number): Promise<Run>;
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'AllocateUserRange',
    floor: ({ programs }, clients, each) => programs.floor('allocate', clients, each),
    server: ({ programs, socket }, clients, each) => programs.load('allocate', socket, clients, each),
  },
  {
    name: 'MountImage, erofs from the store',
    floor: ({ programs, bareErofs }, clients, each) => programs.floor('mount', 'erofs', bareErofs, clients, each),
    server: ({ programs, socket, erofs }, clients, each) => programs.load('mount', socket, erofs, clients, each),
  },
  {
    name: 'MountImage, squashfs on loop',
    floor: ({ programs, bareSquashfs }, clients, each) => programs.floor('mount', 'squashfs', bareSquashfs, clients, each),
    server: ({ programs, socket, squashfs }, clients, each) => programs.load('mount', socket, squashfs, clients, each),
  },
];

/** Warms the server up, then takes turns. */
export async function measure(scenario: Scenario, setting: Setting, clients: number): Promise<Measured> {
  const each = clients === 1 ? eachAlone : eachOfMany;
  await scenario.server(setting, clients, Math.ceil(warmUp / clients));
  const [floor, server]: [Run[], Run[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    floor.push(await scenario.floor(setting, clients, each));
    server.push(await scenario.server(setting, clients, each));
  }
  return { name: scenario.name, clients, floor: summarise(floor), server: summarise(server) };
}
