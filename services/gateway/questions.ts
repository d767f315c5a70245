/** What polkit is asked about each method, in the words of systemd's own daemons: the action, and what rules may look at. Pure. */
import type { Action } from '../../mesh/authority.ts';
import type { ImageOptions } from '../../mesh/protocol.ts';
import type { MethodName } from '../../varlink/method/registry.ts';

/** A question about a caller. */
export interface Question {
  readonly action: Action;
  readonly details: Readonly<Record<string, string>>;
  /** a person may be asked for a password */
  readonly interactive: boolean;
  /** what is allowed includes what nobody vouches for */
  readonly untrusted: boolean;
}

const methods: readonly MethodName[] = [
  'io.systemd.NamespaceResource.AllocateUserRange',
  'io.systemd.NamespaceResource.RegisterUserNamespace',
  'io.systemd.NamespaceResource.AddControlGroupToUserNamespace',
  'io.systemd.NamespaceResource.AddNetworkToUserNamespace',
  'io.systemd.MountFileSystem.MountImage',
  'io.systemd.MountFileSystem.MountDirectory',
  'io.systemd.MountFileSystem.MakeDirectory',
];

/** Whether polkit has an action for a method. Of the rest, what is the host's own is root's, and what tells is for everybody. */
export function isAskedAbout(method: string): boolean {
  return methods.some((known) => known === method);
}

/** Nothing that a person would be asked, and nothing of trust. */
const plain = { interactive: false, untrusted: false } as const;

export function aboutAllocation(name: string): Question {
  return { ...plain, action: 'io.systemd.namespace-resource.allocate-user-namespace', details: { name } };
}

export function aboutRegistration(name: string): Question {
  return { ...plain, action: 'io.systemd.namespace-resource.register-user-namespace', details: { name } };
}

export const aboutControlGroup: Question = { ...plain, action: 'io.systemd.namespace-resource.delegate-cgroup', details: {} };

export function aboutInterface(type: 'veth' | 'tap'): Question {
  return { ...plain, action: 'io.systemd.namespace-resource.delegate-network-interface', details: { type } };
}

/** What a caller asked for, as far as it matters to who may. */
interface Mount {
  readonly forHost: boolean;
  readonly readOnly: boolean;
  readonly interactive: boolean;
}

/** With mount options, even an image that is trusted is asked about as if it were not, as there. */
export function aboutImage({ forHost, readOnly, interactive }: Mount, mountOptions: ImageOptions['mountOptions']): Question {
  const options = optionsText(mountOptions);
  const untrusted = options !== '';
  const action = untrusted ? 'mount-untrusted-image' : 'mount-image';
  return {
    action: `io.systemd.mount-file-system.${action}${forHost ? '' : '-privately'}`,
    details: { ...flag(readOnly), ...(untrusted ? { mount_options: options } : {}) },
    interactive,
    untrusted,
  };
}

/** Whose it is, the allocator finds out, and asks again where it is somebody else's. */
export function aboutDirectory({ forHost, readOnly, interactive }: Mount): Question {
  const action = forHost ? 'mount-directory' : 'mount-directory-privately';
  return { ...plain, action: `io.systemd.mount-file-system.${action}`, details: flag(readOnly), interactive };
}

export function aboutNewDirectory(interactive: boolean): Question {
  return { ...plain, action: 'io.systemd.mount-file-system.make-directory', details: {}, interactive };
}

function flag(readOnly: boolean): Record<string, string> {
  return { read_only: readOnly ? '1' : '0' };
}

/** The order in which systemd's daemon names partitions. */
const designators = ['root', 'usr', 'home', 'srv', 'esp', 'xbootldr', 'swap', 'tmp', 'var'];

/** `root:nosuid,usr:nosuid,noexec`. What no such daemon knows comes last; the stage that applies options refuses it. */
function optionsText(options: ImageOptions['mountOptions']): string {
  const rank = (designator: string) => (designators.indexOf(designator) + designators.length + 1) % (designators.length + 1);
  const given = Object.entries(options).filter(([, each]) => each !== '');
  const sorted = given.toSorted(([a], [b]) => rank(a) - rank(b));
  return sorted
    .map(([designator, each]) => `${designator}:${each}`)
    .join(',')
    .slice(0, maxText);
}

/** What a detail may have. */
const maxText = 8192;
