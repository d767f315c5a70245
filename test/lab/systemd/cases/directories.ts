/** MountDirectory and MakeDirectory. */
import { openSync, rmSync } from 'node:fs';
import { Descriptor } from '../../../../mesh/descriptors.ts';
import { ask, mounts } from '../ask.ts';
import { better, type Case, type Expectation } from '../case.ts';
import { bare, home, tree } from '../ground.ts';
import { HeldNamespace } from '../namespaces.ts';
import { answered } from '../outcome.ts';

const method = (name: string) => `io.systemd.MountFileSystem.${name}`;

interface DirectoryCase extends Expectation {
  /** a range of the namespace that the mount is for, none, or no namespace at all */
  readonly namespace?: 'range' | 'empty' | 'none';
  readonly uid?: number;
}

function mount(name: string, path: string, parameters: object = {}, options: DirectoryCase = {}): Case {
  const { namespace: kind = 'range', uid, ...expectation } = options;
  return {
    group: 'MountDirectory',
    name,
    newer: true,
    ...expectation,
    async run() {
      await using held = await HeldNamespace.make();
      if (kind === 'range') await held.allocate('dr');
      using directory = new Descriptor(openSync(path, 'r'));
      const sent = { directoryFileDescriptor: 0, ...(kind === 'none' ? {} : { userNamespaceFileDescriptor: 1 }), ...parameters };
      const descriptors = [directory.fd, ...(kind === 'none' ? [] : [held.user.fd])];
      return answered(
        await ask({
          socket: mounts,
          method: method('MountDirectory'),
          parameters: sent,
          descriptors,
          ...(uid === undefined ? {} : { uid }),
        }),
      );
    },
  };
}

function make(name: string, parent: string, parameters: object, options: Expectation & { readonly uid?: number } = {}): Case {
  const { uid, ...expectation } = options;
  return {
    group: 'MakeDirectory',
    name,
    newer: true,
    ...expectation,
    async run() {
      using directory = new Descriptor(openSync(parent, 'r'));
      const sent = { parentFileDescriptor: 0, ...parameters };
      const call = { socket: mounts, method: method('MakeDirectory'), parameters: sent, descriptors: [directory.fd] };
      try {
        return answered(await ask({ ...call, ...(uid === undefined ? {} : { uid }) }));
      } finally {
        for (const made of ['new', 'root']) rmSync(`${parent}/${made}`, { recursive: true, force: true });
      }
    },
  };
}

export const directories: readonly Case[] = [
  mount('the user’s own', tree),
  mount('the user’s own, mode auto', tree, { mode: 'auto' }),
  mount('the user’s own, mode root', tree, { mode: 'root' }),
  mount('the user’s own, mode foreign', tree, { mode: 'foreign' }),
  mount('the user’s own, mode identity', tree, { mode: 'identity' }),
  mount('the user’s own, readOnly', tree, { readOnly: true }),
  mount('the user’s own, a namespace without a range', tree, {}, { namespace: 'empty' }),
  mount('the user’s own, for the host', tree, {}, { namespace: 'none' }),
  mount('the user’s own, for the host, by root', tree, {}, { namespace: 'none', uid: 0 }),
  mount('root’s', '/home/other', {}),
  mount('root’s, by root', '/home/other', {}, { uid: 0 }),
  mount('a file', bare, {}, { verdict: better('tells which parameter it is', /InvalidParameter/) }),
  mount('a mode that is none', tree, { mode: 'other' }),
  mount('a field that nobody knows', tree, { unheardOf: 1 }),
  make('in the user’s own', home, { name: 'new' }),
  make('mode 0755', home, { name: 'new', mode: 0o755 }),
  make('mode 07777', home, { name: 'new', mode: 0o7777 }),
  make('a name that is there', home, { name: 'tree' }),
  make('a name with a slash', home, { name: 'a/b' }),
  make('an empty name', home, { name: '' }),
  make('two dots', home, { name: '..' }),
  make('in root’s', '/home/other', { name: 'new' }),
  make('in root’s, by root', '/home/other', { name: 'root' }, { uid: 0 }),
];
