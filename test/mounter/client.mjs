/**
 * A client's side of a mount, as a program of its own: started by uid 1000 in a new user and mount namespace, it becomes root there once
 * its maps are written, takes mounts over its socket and does with them what it is told. Every attempt answers `ok` or the error's code.
 *
 * Arguments: the path of the addon. Descriptor 3: the socket.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const native = createRequire(import.meta.url)(process.argv[2]);
const socket = 3;
const attribute = { readOnly: 1, noSuid: 2, noDevices: 4, noExec: 8 };
const cloneTree = 1;

/** Runs one attempt. */
const attempt = (action) => {
  try {
    return action() ?? 'ok';
  } catch (error) {
    return error.code ?? String(error);
  }
};

const mountAt = '/mnt';
const place = () => {
  const context = native.fsopen('tmpfs');
  native.fsconfigCreate(context);
  const fd = native.fsmount(context, 0);
  native.close(context);
  native.moveMount(fd, mountAt);
  native.close(fd);
};

const clear = (fd, name) => attempt(() => native.mountSetattr(fd, 0, attribute[name], null, false));
const withMount = (path, use) => {
  const fd = native.openTree(null, path, 0);
  try {
    return use(fd);
  } finally {
    native.close(fd);
  }
};
const withClone = (path, use) => {
  const fd = native.openTree(null, path, cloneTree);
  try {
    return use(fd);
  } finally {
    native.close(fd);
  }
};
/** `mount -o remount,bind,…` clears what it does not name. */
const remount = (options) => {
  const { status, stderr } = spawnSync('mount', ['-n', '-o', `remount,bind,${options}`, mountAt], { encoding: 'utf8' });
  return status === 0 ? 'ok' : /permission denied|not permitted/i.test(stderr) ? 'EPERM' : stderr;
};

/** What the parent may ask for. */
const actions = {
  /** becomes root of the namespace: its maps are there now */
  become: () => {
    process.setgid(0);
    process.setuid(0);
    place();
    return 'ok';
  },
  attach: (_, [fd]) => attempt(() => native.moveMount(fd, mountAt)),
  read: ({ file }) => attempt(() => readFileSync(`${mountAt}/${file}`, 'utf8')),
  write: ({ file }) => attempt(() => writeFileSync(`${mountAt}/${file}`, 'written')),
  owner: ({ file }) => {
    const { uid, gid } = statSync(`${mountAt}/${file}`);
    return `${uid}:${gid}`;
  },
  open: ({ file }) => attempt(() => closeSync(openSync(`${mountAt}/${file}`, 'r'))),
  clear: ({ flag }) => withMount(mountAt, (fd) => clear(fd, flag)),
  clearOnClone: ({ flag }) => withClone(mountAt, (fd) => clear(fd, flag)),
  remount: ({ options }) => remount(options),
  /** in a user and mount namespace below this one */
  clearNested: ({ flag }) => {
    const code = `const native = require(${JSON.stringify(process.argv[2])});
      const fd = native.openTree(null, ${JSON.stringify(mountAt)}, 0);
      try { native.mountSetattr(fd, 0, ${attribute[flag]}, null, false); console.log('ok'); } catch (error) { console.log(error.code); }`;
    const { stdout, stderr } = spawnSync('unshare', ['--user', '--map-root-user', '--mount', process.execPath, '-e', code], {
      encoding: 'utf8',
    });
    return stdout.trim() || stderr;
  },
  /** runs the image's `whoami` as uid 1000 of the namespace: its real and effective uid */
  whoami: () => spawnSync(`${mountAt}/whoami`, { uid: 1000, gid: 1000, input: '', encoding: 'utf8' }).stdout?.trim() || 'EPERM',
  /** leaves it running until the client ends; its process id */
  startWhoami: () => {
    const { pid } = spawn(`${mountAt}/whoami`, { uid: 1000, gid: 1000, stdio: ['pipe', 'ignore', 'inherit'] });
    return String(pid);
  },
  unmount: () => attempt(() => native.unmount(mountAt, 0)),
};

const answer = (value) => native.send(socket, Buffer.from(JSON.stringify(value)), []);
const buffer = Buffer.alloc(65536);
const poller = native.poll(socket, () => {
  const message = native.receive(socket, buffer, 16);
  if (message === null) return;
  if (message.bytes === 0) process.exit(0);
  const { action, ...parameters } = JSON.parse(buffer.subarray(0, message.bytes).toString());
  answer(attempt(() => actions[action](parameters, message.descriptors)));
  for (const fd of message.descriptors) native.close(fd);
});
poller.watch(true, false);
answer('there');
