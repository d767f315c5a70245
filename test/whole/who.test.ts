/** The operator's rules for methods, from the file to the caller. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseSettings } from '../../bin/serve/settings.ts';
import { CommandLine } from '../support/cli.ts';
import { isRoot, Server } from '../support/serve.ts';

const method = 'io.systemd.NamespaceResource.AllocateUserRange';

it.skipIf(!isRoot)(`a method is for those whom its rule names${isRoot ? '' : ' (needs root to serve)'}`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-who-'));
  chmodSync(folder, 0o755);
  const server = await Server.start({ folder, config: `[gateway.who]\n"${method}" = { uids = [4242], gids = [77] }\n` });
  try {
    using postern = new CommandLine(server.socket);
    const allocate = (uid: number, gid: number) => postern.start(['allocate', '--', 'true'], { uid, gid }).ended;
    expect((await allocate(4242, 4242)).status).toBe(0);
    expect((await allocate(1000, 77)).status).toBe(0);
    expect((await allocate(0, 0)).status).toBe(0);
    expect(await allocate(1000, 1000)).toMatchObject({ status: 77, stderr: expect.stringContaining('PERMISSION_DENIED') });
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

it('a rule for no method of ours is told with its line', () => {
  expect(() => parseSettings('[gateway.who]\n\n"io.systemd.No.Such" = "root"\n', 'x.toml')).toThrow(
    /^x\.toml:3: gateway\.who\.io\.systemd\.No\.Such/,
  );
});
