/** Network interfaces on a kernel that numbers no namespaces and makes no handles of them: their end is told by the policy alone. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { connectAs } from '../support/connect-as.ts';
import { greet, hostLinks, makeLast, noHostLinks } from '../support/host-links.ts';
import { checkLater, data } from './report.ts';
import { asOrdinaryUser, serve, socket, stop } from './server.ts';

const ordinary = 1000;

/** An ordinary user's process in a user and a network namespace of its own. */
async function startHolder(): Promise<ChildProcess> {
  const holder = spawn('setpriv', [...asOrdinaryUser, 'unshare', '--user', '--net', 'sh', '-c', 'echo; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (holder.stdout !== null) await once(holder.stdout, 'data');
  return holder;
}

const ip = (...args: string[]) => spawnSync('ip', args, { stdio: 'inherit' });

export async function networkInterfaces(): Promise<void> {
  // nobody else makes the node here that asks for the module
  spawnSync('/run/modprobe', ['-q', 'tun']);
  const parent = await serve({ state: '/home/network-state' });
  const holder = await startHolder();
  const client = connectAs(ordinary, socket);
  const userNamespace = openSync(`/proc/${holder.pid}/ns/user`, 'r');
  const networkNamespace = openSync(`/proc/${holder.pid}/ns/net`, 'r');
  await client.allocate({ name: 'networked', userNamespace });
  await checkLater('a pair connects a namespace with the host', async () => {
    const { hostName, name } = await client.addVeth({ userNamespace, networkNamespace });
    const enter = [`--user=/proc/${holder.pid}/ns/user`, `--net=/proc/${holder.pid}/ns/net`, '--setuid=0', '--setgid=0'];
    spawnSync('nsenter', [...enter, 'sh', '-c', `ip address add 10.83.1.2/30 dev ${name} && ip link set ${name} up`], { stdio: 'inherit' });
    ip('address', 'add', '10.83.1.1/30', 'dev', hostName);
    ip('link', 'set', hostName, 'up');
    const heard = await greet(enter, '10.83.1.1');
    return heard === 'hello' || heard;
  });
  await checkLater('asked for again it is the same', async () => {
    await client.addVeth({ userNamespace, networkNamespace });
    const links = await hostLinks();
    return links.length === 1 || `${links.length} interfaces`;
  });
  await checkLater('a tap that was made to last stays while its namespace does', async () => {
    const { tap } = await client.addTap(userNamespace);
    if (!makeLast(tap)) return 'it could not be made to last';
    const links = await hostLinks();
    data({ links });
    return links.length === 2 || `${links.length} interfaces`;
  });
  closeSync(networkNamespace);
  closeSync(userNamespace);
  client.close();
  holder.kill('SIGKILL');
  await checkLater('with the namespace go the pair and the tap', async () => {
    const left = await noHostLinks();
    return left.length === 0 || left.join(' ');
  });
  await stop(parent);
}
