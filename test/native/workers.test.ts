/** The addon in worker threads: loaded by each, ended with each, at any moment. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addonPath, Helper, Holder, isRoot, maps, native, runNode, scratch } from './parts/native.ts';

/** Runs a main program whose workers run `worker`. */
const withWorkers = (worker: string, main: string) =>
  runNode(`
    const { Worker } = require('node:worker_threads');
    const source = ${JSON.stringify(`const native = require(${JSON.stringify(addonPath)}); const { parentPort } = require('node:worker_threads'); ${worker}`)};
    const start = () => new Worker(source, { eval: true });
    const fs = require('node:fs');
    (async () => { ${main} })();`);

const ended = `const ended = (worker) => new Promise((done, failed) => { worker.once('exit', done); worker.once('error', failed); });`;

describe('a worker', () => {
  it('uses the addon beside others', async () => {
    const { stdout, stderr, status } = await withWorkers(
      `native.hashBlocks(new Uint8Array(8192), { algorithm: 'sha256', salt: new Uint8Array(0), blockSize: 4096 }).then((digests) => parentPort.postMessage(digests.length));`,
      `${ended}
       const workers = Array.from({ length: 8 }, start);
       const ends = workers.map(ended);
       const lengths = await Promise.all(workers.map((worker) => new Promise((done) => worker.once('message', done))));
       await Promise.all(ends);
       console.log(lengths.join());`,
    );
    expect({ stdout, stderr, status }).toEqual({ stdout: '64,64,64,64,64,64,64,64\n', stderr: '', status: 0 });
  });

  it('can be ended while it polls, and while blocks are hashed', async () => {
    const { stdout, stderr, status } = await withWorkers(
      `const [one, other] = native.socketPair(65536);
       native.send(other, new Uint8Array([1]), []);
       native.poll(one, () => {}).watch(true, true);
       const data = new Uint8Array(8 << 20);
       for (let i = 0; i < 4; i++) native.hashBlocks(data, { algorithm: 'sha256', salt: new Uint8Array(32), blockSize: 4096 });
       parentPort.postMessage('busy');`,
      `${ended}
       for (let round = 0; round < 10; round++) {
         const workers = Array.from({ length: 4 }, start);
         await Promise.all(workers.map((worker) => new Promise((done) => worker.once('message', done))));
         await Promise.all(workers.map((worker) => worker.terminate()));
       }
       console.log('ended');`,
    );
    expect({ stdout, stderr, status }).toEqual({ stdout: 'ended\n', stderr: '', status: 0 });
  });

  it('that ends by itself with a poller open does not hang', async () => {
    const { stdout, status } = await withWorkers(
      `const [one] = native.socketPair(65536);
       native.poll(one, () => {}).watch(true, false);
       setImmediate(() => process.exit(5));`,
      `${ended} console.log(await ended(start()));`,
    );
    expect({ stdout, status }).toEqual({ stdout: '5\n', status: 0 });
  });

  it('of piscina does too', async () => {
    using folder = scratch();
    const file = join(folder.path, 'task.cjs');
    writeFileSync(file, `const native = require(${JSON.stringify(addonPath)}); module.exports = (fd) => native.describe(fd).type;`);
    const { stdout, stderr, status } = await runNode(`
      const { Piscina } = require(${JSON.stringify(join(import.meta.dirname, '../../node_modules/piscina'))});
      const pool = new Piscina({ filename: ${JSON.stringify(file)}, minThreads: 2, maxThreads: 2 });
      const fd = native.ownUserNamespace();
      Promise.all(Array.from({ length: 50 }, () => pool.run(fd))).then(async (types) => {
        await pool.destroy();
        console.log(new Set(types));
      });`);
    expect({ stdout, stderr, status }).toEqual({ stdout: "Set(1) { 'namespace' }\n", stderr: '', status: 0 });
  });

  it.skipIf(!isRoot)('asks the same helper as others, and each gets its own answer', async () => {
    const ids = [524_288, 600_000, 700_000, 800_000];
    using helper = new Helper();
    const holders = await Promise.all(ids.map(() => Holder.start()));
    for (const [i, holder] of holders.entries()) {
      native.helperWriteMaps(helper.socket, holder.userNamespace, maps([0, ids[i] ?? 0, 1]), false);
    }
    const { stdout, stderr } = await runNode(
      `const { Worker } = require('node:worker_threads');
       const source = "const native = require(" + JSON.stringify(${JSON.stringify(addonPath)}) + "); const { workerData, parentPort } = require('node:worker_threads');"
         + "const seen = new Set(); for (let i = 0; i < 200; i++) seen.add(native.helperReadMaps(3, workerData).uid[0].outside); parentPort.postMessage([...seen]);";
       Promise.all([4, 5, 6, 7].map((fd) => new Promise((done) => new Worker(source, { eval: true, workerData: fd }).once('message', done))))
         .then((answers) => console.log(JSON.stringify(answers)));`,
      [helper.socket, ...holders.map((holder) => holder.userNamespace)],
    );
    for (const holder of holders) holder[Symbol.dispose]();
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual(ids.map((id) => [id]));
  });
});
