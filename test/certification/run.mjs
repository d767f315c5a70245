/**
 * Serves the test build (Postern as it is installed, but for a gateway that has org.varlink.certification besides) on a socket of its
 * own, and runs the certification client against it as an ordinary user. Must be started by root.
 *   node test/certification/run.mjs          with the client from Debian's mirror, or as it was once fetched from there
 *   node test/certification/run.mjs ROOT     with the client of a Debian system in a folder
 * Ends with the client's own status; with 75 where there is no client to be had.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { keptPackages } from '../../lab/packages.mjs';
import { bundle } from '../../tools/build.mjs';
import { install } from '../../tools/install.mjs';

const notToBeHad = 75;
const ordinary = 1000;

/** trixie's has no tests in it. */
const clientIs = ['python3-varlink', 'sid', ['python3-varlink', 'python3-varlink-tests']];

/** The folder that has the client. */
function findLibrary([root]) {
  try {
    return join(root ?? keptPackages(...clientIs), 'usr/lib/python3/dist-packages');
  } catch (error) {
    console.error(`there is no certification client: ${error.message}`);
    process.exit(notToBeHad);
  }
}

/** Starts the test build and resolves once it is heard at its socket. */
async function serve(folder, socket) {
  const program = install(join(folder, 'inst'));
  const { contents } = await bundle('test/certification/main.ts');
  writeFileSync(join(folder, 'inst/dist/gateway.mjs'), contents);
  const args = ['serve', '--socket', socket, '--state', join(folder, 'state')];
  const server = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: server.stdout })) if (line.includes(socket)) return server;
  throw new Error('postern serve ended before it was ready');
}

const library = findLibrary(process.argv.slice(2));
const folder = mkdtempSync(join(tmpdir(), 'postern-certification-'));
chmodSync(folder, 0o755);
const socket = join(folder, 'postern.sock');
// where the ordinary user can read it
cpSync(join(library, 'varlink'), join(folder, 'library/varlink'), { recursive: true });
const server = await serve(folder, socket);
try {
  const args = ['-B', '-m', 'varlink.tests.test_certification', '--client', `--varlink=unix:${socket}`];
  const env = { PATH: process.env.PATH, PYTHONPATH: join(folder, 'library') };
  const { status } = spawnSync('/usr/bin/python3', args, {
    env,
    cwd: '/',
    uid: ordinary,
    gid: ordinary,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.exitCode = status ?? 1;
} finally {
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true });
}
