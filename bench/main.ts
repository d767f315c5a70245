/**
 * Postern beside the floor. bench/README.md tells what is measured, and how. Started by tools/bench.mjs, which builds the C programs beside this
 * bundle and has looked at the options.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { judge, type Results } from './aims.ts';
import { type FirstMount, measureFirstMount } from './first-mount.ts';
import { type Held, measureHeld } from './held.ts';
import { type ImageMaker, imageMaker, MiB } from './images.ts';
import { type Programs, programsIn } from './programs.ts';
import { table } from './report.ts';
import { type Measured, manyClients, measure, scenarios } from './scenarios.ts';
import { startServer } from './server.ts';

/** Images for the first mount: small enough to be quick, large enough that start-up does not count. */
const firstMountBytes = [16 * MiB, 256 * MiB];
const firstMountRepeats = 3;
const smallImageBytes = MiB;

interface Bench {
  readonly programs: Programs;
  readonly images: ImageMaker;
  readonly postern: string;
  readonly folder: string;
}

const say = (text: string) => process.stderr.write(`${text}\n`);

async function measureCalls({ programs, images, postern, folder }: Bench): Promise<Measured[]> {
  const setting = {
    programs,
    erofs: await images.signed('erofs', 'erofs', smallImageBytes),
    squashfs: await images.signed('squashfs', 'squashfs', smallImageBytes),
    bareErofs: await images.bare('erofs', 'erofs', smallImageBytes),
    bareSquashfs: await images.bare('squashfs', 'squashfs', smallImageBytes),
  };
  await using server = await startServer(postern, folder, images.trust);
  const measured: Measured[] = [];
  for (const scenario of scenarios) {
    for (const clients of [1, manyClients]) {
      say(`· ${scenario.name}, ${clients} client${clients === 1 ? '' : 's'}`);
      measured.push(await measure(scenario, { ...setting, socket: server.socket }, clients));
    }
  }
  return measured;
}

async function measureFirst({ programs, images, postern, folder }: Bench): Promise<FirstMount[]> {
  const measured: FirstMount[] = [];
  for (const bytes of firstMountBytes) {
    say(`· first mount of ${bytes / MiB} MiB`);
    const image = await images.signed(`first-${bytes / MiB}`, 'erofs', bytes);
    measured.push(await measureFirstMount(image, firstMountRepeats, programs, () => startServer(postern, folder, images.trust)));
    rmSync(image);
  }
  return measured;
}

async function measureManyHeld({ programs, images, postern, folder }: Bench): Promise<Held> {
  say('· namespaces that hold ranges');
  await using server = await startServer(postern, folder, images.trust);
  // awaited here: the server ends with this scope
  return await measureHeld(programs, server.socket);
}

async function run(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, only: { type: 'string', multiple: true } } });
  const wanted = (what: string) => values.only === undefined || values.only.includes(what);
  const here = dirname(fileURLToPath(import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'postern-bench-'));
  chmodSync(folder, 0o755);
  try {
    const postern = join(here, '../../bin/postern');
    const bench = { programs: programsIn(here), images: await imageMaker(postern, folder), postern, folder };
    const results: Results = {
      scenarios: wanted('calls') ? await measureCalls(bench) : [],
      firstMounts: wanted('first') ? await measureFirst(bench) : [],
      held: wanted('held') ? await measureManyHeld(bench) : null,
    };
    const machine = { kernel: release(), processors: cpus().length, node: process.version };
    if (values.json) console.log(JSON.stringify({ machine, ...results, aims: judge(results) }, null, 2));
    else console.log(`\nkernel ${machine.kernel}, ${machine.processors} processors, Node ${machine.node}\n\n${table(results)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await run();
