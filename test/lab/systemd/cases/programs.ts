/** systemd's own clients, whole: what they print, and how they end. */
import { better, type Case, type Expectation } from '../case.ts';
import { archive, bare, garbage, hello, home, signed, stranger, tree } from '../ground.ts';
import { type ProgramCase, program } from '../program.ts';

const sid: Expectation = { suites: ['sid'] };
const name = (words: readonly string[]) => words.join(' ').replaceAll(`${home}/`, '');

const call =
  (group: string) =>
  (words: readonly string[], options: ProgramCase = {}) =>
    program(group, () => words, options.called ?? name(words), options);

const dissect = call('systemd-dissect');
const nspawn = call('systemd-nspawn');
const unit = call('systemd-run --user');
const portable = call('portablectl --user');
const transfer = call('importctl --user');

const silent = ['systemd-run', '--user', '--quiet', '--pipe', '--wait', '--collect'];
const osRelease = '/usr/lib/os-release';
const container = ['systemd-nspawn', '--quiet', '--pipe', '--register=no'];
const inTree = ['-D', tree, '--private-users=managed'];

export const programs: readonly Case[] = [
  dissect(['systemd-dissect', signed]),
  dissect(['systemd-dissect', '--json=short', signed]),
  dissect(['systemd-dissect', hello]),
  dissect(['systemd-dissect', '--mtree', signed]),
  dissect(['systemd-dissect', '--list', signed]),
  dissect(['systemd-dissect', '--with', signed, 'cat', 'usr/lib/os-release']),
  dissect(['systemd-dissect', '--copy-from', signed, osRelease, '-']),
  dissect(['systemd-dissect', stranger]),
  dissect(['systemd-dissect', bare]),
  dissect(['systemd-dissect', garbage]),
  nspawn([...container, '-i', signed, '--read-only', 'cat', osRelease], { called: 'systemd-nspawn -i signed.raw --read-only cat …' }),
  nspawn([...container, '-i', signed, '--read-only', '--private-network', 'id'], { called: 'systemd-nspawn -i … --private-network id' }),
  nspawn([...container, '-i', signed, '--read-only', '--network-veth', 'ls', '/sys/class/net'], {
    called: 'systemd-nspawn -i … --network-veth ls /sys/class/net',
    verdict: { trixie: better('given; the unit of Debian’s systemd 257 lacks CAP_NET_ADMIN (EPERM)', /host0/) },
  }),
  nspawn([...container, '-i', stranger, '--read-only', 'true'], { called: 'systemd-nspawn -i stranger.raw --read-only true' }),
  nspawn([...container, ...inTree, 'cat', '/proc/self/uid_map'], {
    ...sid,
    called: 'systemd-nspawn -D tree --private-users=managed cat /proc/self/uid_map',
  }),
  nspawn([...container, ...inTree, 'stat', '-c', '%u:%g', '/usr'], { ...sid, called: 'systemd-nspawn -D tree … stat /usr' }),
  nspawn([...container, ...inTree, 'touch', '/made'], {
    ...sid,
    called: 'systemd-nspawn -D tree … touch /made',
    after: [['rm', '-f', `${tree}/made`]],
  }),
  nspawn([...container, ...inTree, '--private-users-delegate=1', 'cat', '/proc/self/uid_map'], {
    ...sid,
    called: 'systemd-nspawn -D tree … --private-users-delegate=1',
  }),
  unit([...silent, '-p', `RootImage=${signed}`, 'cat', osRelease], { called: '-p RootImage=signed.raw cat …' }),
  unit([...silent, '-p', `RootImage=${stranger}`, 'cat', osRelease], { called: '-p RootImage=stranger.raw cat …' }),
  unit([...silent, '-p', `MountImages=${signed}:/mnt`, 'cat', '/mnt/usr/lib/os-release'], {
    called: '-p MountImages=signed.raw:/mnt cat …',
  }),
  unit([...silent, '-p', 'PrivateUsers=managed', 'cat', '/proc/self/uid_map'], {
    ...sid,
    called: '-p PrivateUsers=managed cat /proc/self/uid_map',
  }),
  unit([...silent, '-p', 'PrivateUsers=managed', '-p', `RootDirectory=${tree}`, 'id'], {
    ...sid,
    called: '-p PrivateUsers=managed -p RootDirectory=tree id',
  }),
  unit([...silent, '-p', 'PrivateUsers=managed', '-p', `RootImage=${signed}`, 'id'], {
    ...sid,
    called: '-p PrivateUsers=managed -p RootImage=signed.raw id',
  }),
  portable(['portablectl', '--user', 'inspect', signed], sid),
  portable(['portablectl', '--user', 'attach', signed], { ...sid, after: [['portablectl', '--user', 'detach', signed]] }),
  portable(['portablectl', '--user', 'list'], sid),
  portable(['portablectl', '--user', 'attach', stranger], sid),
  transfer(['importctl', '--user', '--class=machine', 'import-tar', archive, 'fromtar'], sid),
  transfer(['importctl', '--user', '--class=machine', 'list-images'], { ...sid, tidy: (text) => text.replace(/\d{4}-\d\d-\d\d .*/g, '…') }),
  transfer(['sh', '-c', 'importctl --user --class=machine export-tar fromtar /home/lab/back.tar && tar -tf /home/lab/back.tar | sort'], {
    ...sid,
    called: 'importctl --user export-tar fromtar',
  }),
  transfer(['importctl', '--user', '--class=machine', 'import-raw', signed, 'fromraw'], sid),
  transfer(
    ['sh', '-c', 'importctl --user --class=machine export-raw fromraw /home/lab/back.raw && cmp /home/lab/back.raw /home/lab/signed.raw'],
    {
      ...sid,
      called: 'importctl --user export-raw fromraw',
    },
  ),
  transfer(['systemd-nspawn', '--quiet', '--pipe', '--user', '-M', 'fromtar', 'cat', osRelease], {
    ...sid,
    called: 'systemd-nspawn --user -M fromtar cat …',
  }),
  transfer(['machinectl', '--user', 'clone', 'fromtar', 'twin'], { ...sid, called: 'machinectl --user clone fromtar twin' }),
  transfer(['machinectl', '--user', 'remove', 'fromtar', 'fromraw'], {
    ...sid,
    called: 'machinectl --user remove fromtar fromraw',
    after: [['machinectl', '--user', 'remove', 'twin']],
  }),
];
