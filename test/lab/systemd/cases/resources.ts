/** What a namespace with a range is given besides: mounts, control groups, networks. */
import { chownSync, mkdirSync, openSync, rmdirSync, statSync } from 'node:fs';
import { Descriptor } from '../../../../mesh/descriptors.ts';
import { ask, namespaces, ordinary } from '../ask.ts';
import { better, type Case, type Expectation, type Outcome } from '../case.ts';
import { HeldNamespace } from '../namespaces.ts';
import { answered, idName } from '../outcome.ts';

const method = (name: string) => `io.systemd.NamespaceResource.${name}`;

interface ResourceCase extends Expectation {
  readonly range?: false;
  readonly uid?: number;
}

/** A namespace, with a range unless told otherwise, and a call about it. */
function resource(
  group: string,
  name: string,
  use: (namespace: HeldNamespace, who: { readonly uid?: number }) => Promise<Outcome>,
  { range, uid, ...expectation }: ResourceCase = {},
): Case {
  return {
    group,
    name,
    ...expectation,
    async run() {
      await using namespace = await HeldNamespace.make({ with: ['--net'] });
      if (range !== false) await namespace.allocate('rs');
      return await use(namespace, uid === undefined ? {} : { uid });
    },
  };
}

const mount = (name: string, path: string, options?: ResourceCase) =>
  resource(
    'AddMountToUserNamespace',
    name,
    async ({ user }, who) => {
      using directory = new Descriptor(openSync(path, 'r'));
      const parameters = { userNamespaceFileDescriptor: 0, mountFileDescriptor: 1 };
      return answered(
        await ask({
          socket: namespaces,
          method: method('AddMountToUserNamespace'),
          parameters,
          descriptors: [user.fd, directory.fd],
          ...who,
        }),
      );
    },
    options,
  );

const slice = `/sys/fs/cgroup/user.slice/user-${ordinary}.slice/user@${ordinary}.service`;

function groupCase(
  name: string,
  { twice = false, path = `${slice}/lab-group`, ...options }: ResourceCase & { twice?: boolean; path?: string } = {},
): Case {
  return resource(
    'AddControlGroupToUserNamespace',
    name,
    async ({ user }, who) => {
      mkdirSync(path, { recursive: true });
      if (path.startsWith(slice)) chownSync(path, ordinary, ordinary);
      using directory = new Descriptor(openSync(path, 'r'));
      const parameters = { userNamespaceFileDescriptor: 0, controlGroupFileDescriptor: 1 };
      const call = {
        socket: namespaces,
        method: method('AddControlGroupToUserNamespace'),
        parameters,
        descriptors: [user.fd, directory.fd],
        ...who,
      };
      if (twice) await ask(call);
      const answer = await ask(call);
      const owners = ['.', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'].map((file) => {
        const facts = statSync(`${path}/${file}`, { throwIfNoEntry: false });
        return facts === undefined ? 'none' : `${file} ${idName(facts.uid)}:${idName(facts.gid)} ${facts.mode.toString(8)}`;
      });
      try {
        return answered(answer, path.startsWith('/sys') ? { owners } : {});
      } finally {
        try {
          if (path.startsWith(slice)) rmdirSync(path);
        } catch {
          // the server took it away
        }
      }
    },
    options,
  );
}

function network(name: string, parameters: object, options: ResourceCase & { readonly net?: boolean } = {}): Case {
  const { net = true, ...rest } = options;
  return resource(
    'AddNetworkToUserNamespace',
    name,
    async (namespace, who) => {
      using there = namespace.open('net');
      const sent = { userNamespaceFileDescriptor: 0, ...(net ? { networkNamespaceFileDescriptor: 1 } : {}), ...parameters };
      const descriptors = [namespace.user.fd, ...(net ? [there.fd] : [])];
      return answered(
        await ask({ socket: namespaces, method: method('AddNetworkToUserNamespace'), parameters: sent, descriptors, ...who }),
      );
    },
    rest,
  );
}

const given = { verdict: { trixie: better('given; the unit of Debian’s systemd 257 lacks CAP_NET_ADMIN (EPERM)', /^ok/) } };

export const resources: readonly Case[] = [
  mount('by the user', '/home/lab', {}),
  mount('by root', '/home/lab', { uid: 0 }),
  mount('by root, a namespace without a record', '/home/lab', { uid: 0, range: false }),
  mount('by root, a file', '/etc/hostname', { uid: 0, verdict: better('tells which parameter it is', /InvalidParameter/) }),
  groupCase('the user’s group'),
  groupCase('twice', { twice: true }),
  groupCase('a namespace without a range', { range: false }),
  groupCase('a group of root’s', { path: '/sys/fs/cgroup/lab-root' }),
  groupCase('a directory that is no group', { path: '/home/lab/empty' }),
  network('veth', { mode: 'veth' }, given),
  network('veth, a name inside', { mode: 'veth', namespaceInterfaceName: 'eth7' }, given),
  network('veth, a name that is none', { mode: 'veth', namespaceInterfaceName: 'a/b' }),
  network('veth without a network namespace', { mode: 'veth' }, { net: false }),
  network('tap', { mode: 'tap' }, { net: false, newer: true }),
  network('tap with a network namespace', { mode: 'tap' }, { newer: true }),
  network('a mode that is none', { mode: 'bridge' }),
  network('a namespace without a record', { mode: 'veth' }, { range: false }),
];
