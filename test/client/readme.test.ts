/** The example of the README, as it stands there: plain Node runs it, as an ordinary user, against a real server. */
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CommandLine, makeSigner, ordinary, watch } from '../support/cli.ts';
import { isRoot, machineResidue, root, Server } from '../support/serve.ts';

const reason = !isRoot ? 'needs root to serve' : existsSync('/bin/busybox') ? '' : 'needs busybox';
/** Where the README says that Postern is installed. */
const installed = '/usr/lib/postern/';
const greeting = 'Hello from a signed disk image.\n';

/** The one block of JavaScript. */
function example(): string {
  const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```js\n([\s\S]*?)^```$/gm)];
  const [[, code = ''] = []] = blocks;
  if (blocks.length !== 1) throw new Error(`the README has ${blocks.length} examples in JavaScript`);
  return code;
}

/** `hello.raw`, signed, in the installation's folder, beside a folder of certificates. */
async function makeImage(postern: CommandLine): Promise<{ readonly trust: string }> {
  const tree = join(postern.folder, 'root');
  const trust = join(postern.folder, 'trust');
  for (const folder of ['bin', 'proc', 'dev', 'tmp', 'run', 'etc', 'usr/share/hello']) mkdirSync(join(tree, folder), { recursive: true });
  mkdirSync(trust);
  copyFileSync('/bin/busybox', join(tree, 'bin/busybox'));
  symlinkSync('busybox', join(tree, 'bin/cat'));
  writeFileSync(join(tree, 'usr/share/hello/greeting'), greeting);
  const { key, certificate } = makeSigner(postern.folder, 'me');
  copyFileSync(certificate, join(trust, 'me.crt'));
  const image = join(postern.folder, 'hello.raw');
  expect(await postern.runAsRoot('build', tree, image, '--key', key, '--cert', certificate)).toMatchObject({ status: 0 });
  return { trust };
}

it.skipIf(reason !== '')(`the README’s example runs${reason === '' ? '' : ` (${reason})`}`, async () => {
  const before = machineResidue();
  using postern = new CommandLine();
  const { folder } = postern;
  const { trust } = await makeImage(postern);
  expect(example()).toContain(installed);
  writeFileSync(join(folder, 'example.mjs'), example().replaceAll(installed, `${join(folder, 'inst')}/`));
  const server = await Server.start({ folder, trust, program: postern.program });
  try {
    const env = { PATH: process.env.PATH, POSTERN_SOCKET: server.socket };
    const program = spawn(process.execPath, ['example.mjs'], { stdio: ['ignore', 'pipe', 'pipe'], env, cwd: folder, ...ordinary });
    const { status, stdout, stderr } = await watch(program).ended;
    expect(stderr).toBe('');
    expect(stdout).toContain(greeting);
    expect(stdout).toMatch(/1000-web has 65536 IDs/);
    expect(status).toBe(0);
  } finally {
    await server.stop();
  }
  expect(machineResidue()).toEqual(before);
});
