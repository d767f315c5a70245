/** The certification client of varlink's Python library, as Debian has it, against a real server that runs the test build. */

import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PosternClient } from '../../client/client.ts';
import { CommandLine, watch } from '../support/cli.ts';
import { isRoot, root, Server } from '../support/serve.ts';

const name = 'org.varlink.certification';
/** The runner's word for a client that is neither kept nor to be had. */
const notToBeHad = 75;
const reason = !isRoot ? 'needs root to serve' : existsSync('/usr/bin/python3') ? '' : 'needs python3';

it.skipIf(reason !== '')(`the certification client passes${reason === '' ? '' : ` (${reason})`}`, { timeout: 240_000 }, async (context) => {
  const runner = spawn(process.execPath, [join(root, 'test/certification/run.mjs')], { stdio: ['ignore', 'pipe', 'pipe'] });
  const { status, stdout, stderr } = await watch(runner).ended;
  if (status === notToBeHad) context.skip('python3-varlink-tests is neither kept nor to be had from a Debian mirror');
  expect(stdout, stderr).toContain("End: {'all_ok': True}");
  expect(stdout).toContain('Certification passed');
  expect(status).toBe(0);
});

it.skipIf(!isRoot)('what is installed for people has nothing of it', async () => {
  using commandLine = new CommandLine();
  const folder = join(commandLine.folder, 'inst/dist');
  const files = readdirSync(folder);
  expect(files).toContain('gateway.mjs');
  expect(files.filter((file) => readFileSync(join(folder, file)).includes(name))).toEqual([]);
  const server = await Server.start({ folder: commandLine.folder, program: commandLine.program });
  try {
    using client = PosternClient.connect(server.socket);
    const { parameters } = await client.connection.call('org.varlink.service.GetInfo', {});
    expect(parameters.interfaces).toContain('org.varlink.service');
    expect(parameters.interfaces).not.toContain(name);
  } finally {
    await server.stop();
  }
});
