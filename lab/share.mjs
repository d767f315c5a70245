/**
 * Serves the machine's own root, read-only, to a virtual machine. Started in a mount namespace of its own, so that whatever ends it, no
 * mount is left behind.
 *   unshare --mount --propagation private node lab/share.mjs SOCKET FOLDER
 */
import { spawn, spawnSync } from 'node:child_process';

const virtiofsd = '/usr/lib/qemu/virtiofsd';
const [socket, folder] = process.argv.slice(2);

function mount(...args) {
  const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`mount ${args.join(' ')} failed: ${stderr}`);
}
mount('--bind', '/', folder);
mount('-o', 'remount,bind,ro', folder);

// nothing changes what a guest reads: else its kernel would forget every program and library each time that one is opened
const options = ['-f', `--socket-path=${socket}`, '-o', `source=${folder},sandbox=chroot,cache=always,log_level=err,xattr`];
// the server ends with this process, however that ends
const server = spawn('setpriv', ['--pdeathsig', 'KILL', virtiofsd, ...options], { stdio: ['ignore', 'inherit', 'inherit'] });
server.on('error', (error) => {
  console.error(`virtiofsd could not be started: ${error.message}`);
  process.exit(1);
});
server.on('exit', (status) => process.exit(status ?? 1));
// end only after the server did, so that it is reaped
process.on('SIGTERM', () => server.kill('SIGKILL'));
