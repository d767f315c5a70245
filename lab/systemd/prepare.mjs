/** What the cases ask about, in dist/lab-systemd/: images signed by somebody who is trusted and by somebody who is not, a tree, an archive. */
import { chmodSync, copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../packages.mjs';
import { out, root } from '../programs.mjs';

const folder = join(out, 'lab-systemd');
const programs = ['sh', 'cat', 'echo', 'id', 'ls', 'mount', 'sleep', 'stat', 'touch', 'true'];

/** What nspawn and portabled ask of a root: a merged /usr, a name for the system, a unit with the image's name. */
function makeTree(tree) {
  for (const name of ['dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'usr/bin', 'usr/lib/systemd/system', 'var/tmp']) {
    mkdirSync(join(tree, name), { recursive: true });
  }
  copyFileSync('/bin/busybox', join(tree, 'usr/bin/busybox'));
  chmodSync(join(tree, 'usr/bin/busybox'), 0o755);
  for (const name of programs) symlinkSync('busybox', join(tree, 'usr/bin', name));
  for (const name of ['bin', 'lib', 'sbin']) symlinkSync(name === 'lib' ? 'usr/lib' : 'usr/bin', join(tree, name));
  writeFileSync(join(tree, 'usr/lib/os-release'), 'ID=signed\nNAME=Signed\nVERSION_ID=1\nPORTABLE_PREFIXES=signed\n');
  symlinkSync('../usr/lib/os-release', join(tree, 'etc/os-release'));
  for (const name of ['etc/resolv.conf', 'etc/machine-id']) writeFileSync(join(tree, name), '');
  writeFileSync(
    join(tree, 'usr/lib/systemd/system/signed-hello.service'),
    '[Service]\nType=oneshot\nExecStart=/usr/bin/cat /usr/lib/os-release\n',
  );
}

function makeSigner(name) {
  const [key, cert] = ['key', 'crt'].map((kind) => join(folder, `${name}.${kind}`));
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', `/CN=${name}`];
  run('openssl', [...request, '-keyout', key, '-out', cert]);
  return ['--key', key, '--cert', cert];
}

/** Needs the built program. */
export function prepareImages() {
  rmSync(folder, { recursive: true, force: true });
  const tree = join(folder, 'tree');
  makeTree(tree);
  const build = (name, ...options) =>
    run(process.execPath, [join(root, 'bin/postern'), 'build', tree, join(folder, `${name}.raw`), '--owners', 'root', ...options]);
  build('signed', ...makeSigner('maker'));
  build('stranger', ...makeSigner('stranger'), '--name', 'signed');
  run('mkfs.erofs', ['--quiet', '--all-root', join(folder, 'bare.raw'), tree]);
  run('tar', ['-C', tree, '--owner=0', '--group=0', '--numeric-owner', '-cf', join(folder, 'tree.tar'), '.']);
}
