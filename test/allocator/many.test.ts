/** Twenty thousand namespaces hold ranges at the same time, and no descriptor is kept for any of them. */
import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { type Desk, isRoot, openDesk } from './support/desk.ts';
import { Keepers } from './support/keeper.ts';

const many = 20_000;

let keepers: Keepers | undefined;
let desk: Desk | undefined;
afterEach(async () => {
  await keepers?.end();
  desk?.[Symbol.dispose]();
});

const descriptors = () => readdirSync('/proc/self/fd').length;
const microseconds = () => Number(process.hrtime.bigint() / 1000n);

describe.skipIf(!isRoot)('twenty thousand namespaces', () => {
  it('hold ranges, are known after a restart, and are all taken back when they end', { timeout: 300_000 }, async () => {
    keepers = await Keepers.start(many, 1000);
    desk = openDesk();
    const before = descriptors();
    const took: number[] = [];
    for (const namespace of keepers.open()) {
      const began = microseconds();
      const answer = await desk.allocate(namespace);
      took.push(microseconds() - began);
      expect(answer).toHaveProperty('name');
    }
    expect(desk.status()).toMatchObject({ namespaces: many, containers: { held: many } });
    expect(descriptors()).toBe(before);

    const began = microseconds();
    desk = desk.restart();
    const restarted = microseconds() - began;
    expect(desk.status()).toMatchObject({ namespaces: many, containers: { held: many } });
    const [one] = keepers.open();
    if (one === undefined) throw new Error('no namespace');
    expect(await desk.allocate(one)).toMatchObject({ code: 'NAMESPACE_EXISTS' });

    const cpu = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const { user, system } = process.cpuUsage(cpu);
    await keepers.end();
    while (desk.status().namespaces !== 0) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(desk.status()).toMatchObject({ containers: { held: 0, burnt: many } });

    const median = (part: number[]) => part.toSorted((a, b) => a - b)[part.length >> 1];
    const numbers = {
      'first 1,000 (median µs)': median(took.slice(0, 1_000)),
      'last 1,000 (median µs)': median(took.slice(-1_000)),
      'restart with 20,000 (ms)': Math.round(restarted / 1_000),
      'sweeping 20,000 (% of a processor)': Math.round((user + system) / 2_000 / 10),
    };
    process.stdout.write(`${JSON.stringify(numbers)}\n`);
  });
});
