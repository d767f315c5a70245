/** AllocateUserRange and RegisterUserNamespace, option by option and refusal by refusal. */
import { openSync } from 'node:fs';
import { Descriptor } from '../../../../mesh/descriptors.ts';
import { ask, namespaces } from '../ask.ts';
import { better, type Case, type Expectation } from '../case.ts';
import { HeldNamespace, type HeldOptions } from '../namespaces.ts';
import { answered } from '../outcome.ts';

const interfaceName = 'io.systemd.NamespaceResource';

interface NamespaceCall extends Expectation {
  readonly held?: HeldOptions;
  /** what is asked beforehand, of the same namespace or of another */
  readonly first?: { readonly parameters: object; readonly ofAnother?: boolean };
  readonly uid?: number;
  readonly flags?: object;
}

/** A call about a new namespace, which is descriptor 0. */
function about(group: string, method: string, name: string, parameters: object, options: NamespaceCall = {}): Case {
  const { held = {}, first, uid, flags = {}, ...expectation } = options;
  const call = { socket: namespaces, method: `${interfaceName}.${method}` };
  const who = uid === undefined ? {} : { uid };
  return {
    group,
    name,
    ...expectation,
    async run() {
      await using namespace = await HeldNamespace.make(held);
      await using other = first?.ofAnother === true ? await HeldNamespace.make(held) : undefined;
      if (first !== undefined) {
        const descriptors = [(other ?? namespace).user.fd];
        const answer = await ask({ ...call, parameters: { userNamespaceFileDescriptor: 0, ...first.parameters }, descriptors });
        for (const descriptor of answer.descriptors) descriptor.close();
      }
      const sent = { userNamespaceFileDescriptor: 0, ...parameters };
      const answer = await ask({ ...call, ...who, flags, parameters: sent, descriptors: [namespace.user.fd] });
      return answered(answer, namespace.maps);
    },
  };
}

const allocate = (name: string, parameters: object, options?: NamespaceCall) =>
  about('AllocateUserRange', 'AllocateUserRange', name, parameters, options);
const register = (name: string, parameters: object, options?: NamespaceCall) =>
  about('RegisterUserNamespace', 'RegisterUserNamespace', name, parameters, options);

const container = { size: 65536 };
const named = { verdict: { trixie: better('the answer tells the name too, as systemd 262’s does', /"name":/) } };
const newer = { newer: true };
const denies = 'its `setgroups` file itself says `deny`, which the kernel enforces without a policy';
const selfDenies = { sid: better(denies, /"setgroups":"deny"/), trixie: better('systemd 257 does not know it') };
const mapped = { held: { with: ['--map-root-user'] } };

/** A descriptor that is not the caller's new namespace. */
function withFile(name: string, path: string): Case {
  return {
    group: 'AllocateUserRange',
    name,
    async run() {
      using file = new Descriptor(openSync(path, 'r'));
      const parameters = { name: 'cf', size: 65536, userNamespaceFileDescriptor: 0 };
      return answered(await ask({ socket: namespaces, method: `${interfaceName}.AllocateUserRange`, parameters, descriptors: [file.fd] }));
    },
  };
}

export const ranges: readonly Case[] = [
  allocate('size 65536', { name: 'ca', ...container }, named),
  allocate('size 1', { name: 'cb', size: 1 }, named),
  allocate('size 1, target 1000', { name: 'cc', size: 1, target: 1000 }, named),
  allocate('size 65536, target 65536', { name: 'cd', size: 65536, target: 65536 }, named),
  allocate('size 2', { name: 'ce', size: 2 }),
  allocate('size 0', { name: 'ce', size: 0 }),
  allocate('size as text', { name: 'cs', size: '65536' }, named),
  allocate('size below nothing', { name: 'cs', size: -1 }),
  allocate('target out of all ranges', { name: 'ce', size: 65536, target: 4294967295 }),
  allocate('no size', { name: 'ce' }),
  allocate('type managed', { name: 'cg', ...container, type: 'managed' }, newer),
  allocate('type self', { name: 'ch', size: 1, type: 'self' }, { verdict: selfDenies }),
  allocate('type self, size 65536', { name: 'ci', size: 65536, type: 'self' }, newer),
  allocate('type of no kind', { name: 'ci', size: 1, type: 'other' }),
  allocate('mangleName, a short name', { name: 'cj', mangleName: true, ...container }, newer),
  allocate('mangleName, a long name', { name: 'a-name-that-is-much-too-long-for-a-user', mangleName: true, ...container }, newer),
  allocate('mangleName, a name of signs', { name: 'a/b c', mangleName: true, ...container }, newer),
  allocate('a long name', { name: 'a-name-that-is-much-too-long-for-a-user', ...container }),
  allocate('a name with a slash', { name: 'a/b', ...container }),
  allocate(
    'an empty name',
    { name: '', ...container },
    { verdict: better('refused, where `1000-` would be the name of it', /InvalidParameter/) },
  ),
  allocate('no name', { ...container }),
  allocate('a name that is taken', { name: 'ck', ...container }, { first: { parameters: { name: 'ck', ...container }, ofAnother: true } }),
  allocate(
    'twice for one namespace',
    { name: 'cm', ...container },
    {
      first: { parameters: { name: 'cl', ...container } },
      verdict: better('the error that the interface declares for it, where a parameter is blamed', /UserNamespaceExists/),
    },
  ),
  allocate('delegateContainerRanges 2', { name: 'cn', ...container, delegateContainerRanges: 2 }, newer),
  allocate('delegateContainerRanges 17', { name: 'co', ...container, delegateContainerRanges: 17 }, newer),
  allocate('delegateContainerRanges with size 1', { name: 'co', size: 1, delegateContainerRanges: 1 }, newer),
  allocate('mapForeign', { name: 'cp', ...container, mapForeign: true }, newer),
  allocate('mapForeign and delegateContainerRanges 1', { name: 'cq', ...container, mapForeign: true, delegateContainerRanges: 1 }, newer),
  allocate('a field that nobody knows', { name: 'cr', ...container, unheardOf: true }),
  allocate(
    'an index without a descriptor',
    { name: 'ct', ...container, userNamespaceFileDescriptor: 7 },
    {
      verdict: better('the parameter is named, where a bare ENXIO comes back', /userNamespaceFileDescriptor/),
    },
  ),
  allocate('a namespace that has maps', { name: 'cu', ...container }, mapped),
  allocate('a namespace of root’s', { name: 'cv', ...container }, { held: { uid: 0 } }),
  allocate('by root', { name: 'cw', ...container }, { held: { uid: 0 }, uid: 0, ...named }),
  allocate('by root, of a user’s namespace', { name: 'cx', ...container }, { uid: 0, ...named }),
  allocate('with `more`', { name: 'cy', ...container }, { flags: { more: true }, ...named }),
  withFile('a file for a namespace', '/etc/hostname'),
  withFile('a namespace of another kind', '/proc/self/ns/mnt'),
  withFile('the host’s namespace', '/proc/1/ns/user'),
  register('a namespace that maps its owner', { name: 'ra' }, { ...mapped, ...named }),
  register('mangleName, a long name', { name: 'a-name-that-is-much-too-long-for-a-user', mangleName: true }, { ...mapped, ...newer }),
  register('a namespace without maps', { name: 'rb' }),
  register('twice', { name: 'rd' }, { ...mapped, first: { parameters: { name: 'rc' } } }),
  register('a name that is taken', { name: 're' }, { ...mapped, first: { parameters: { name: 're' }, ofAnother: true } }),
  register('a namespace of root’s', { name: 'rf' }, { held: { uid: 0, with: ['--map-root-user'] } }),
];
