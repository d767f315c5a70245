/**
 * The one message list: every message that passes between Postern's processes, who may send it, who takes it, its shape
 * and its descriptors. This page is the internal attack surface. A message that is not here does not exist.
 */
import * as v from 'valibot';
import { actionNames, verdicts } from './authority.ts';
import { errorCodes } from './errors.ts';
import { type DescriptorKind, message, type Node, none, type ServiceName, services } from './message.ts';
import {
  bytes,
  consult,
  count,
  deadline,
  holder,
  id,
  imageOptions,
  interfaceKind,
  interfaceName,
  mounted,
  namespace,
  networkInterface,
  peer,
  plainObject,
  plan,
  request,
  secret,
  text,
  verityDevice,
} from './shapes.ts';

export { type DescriptorKind, type Node, type ServiceName, services } from './message.ts';
export type * from './shapes.ts';

const census = v.array(
  v.strictObject({
    name: v.picklist(services),
    state: v.picklist(['starting', 'ready', 'waiting', 'failed']),
    pid: v.nullable(count(0x7fff_ffff)),
    restarts: count(0xffff_ffff),
    residentBytes: v.nullable(bytes),
  }),
);
export type Census = v.InferOutput<typeof census>;

const stages = ['allocator', 'verity', 'mounter', 'lsm', 'network', 'polkit'] as const;
const askers = ['gateway', 'allocator', 'verity'] as const;

const controlGroupCall = v.strictObject({ request, deadline, peer });

/** The caller's process goes along where there may still be a question about it. */
const withProcess = (asks: object | null): readonly DescriptorKind[] => (asks === null ? none : ['process']);

/** Namespace first where there is one, then what else the payload announces. */
const withNamespace = (present: boolean): readonly DescriptorKind[] => (present ? ['user-namespace'] : none);

/** A pair's other end is born in the namespace that comes with the message. */
const withNetwork = (kind: 'veth' | 'tap'): readonly DescriptorKind[] => (kind === 'veth' ? ['network-namespace'] : none);

export const messages = {
  // The parent sets a service up
  'mesh.configure': message(['parent'], services, v.strictObject({ generation: request, config: plainObject })),
  'mesh.listen': message(['parent'], ['gateway'], v.strictObject({}), () => ['listener']),
  'mesh.wire': message(['parent'], services, v.strictObject({ peer: v.picklist(services), generation: request }), () => ['socket']),
  'mesh.census': message(['parent'], ['gateway'], v.strictObject({ services: census })),
  'mesh.stop': message(['parent'], services, v.strictObject({})),
  'mesh.ready': message(services, ['parent'], v.strictObject({})),

  // A request's whereabouts, for the gateway, which alone holds its deadline
  'request.handoff': message(stages, ['gateway'], v.strictObject({ request, to: v.picklist(stages), generation: request })),
  'request.progress': message(
    ['verity'],
    ['gateway'],
    v.strictObject({ request, phase: v.picklist(['reading', 'checking', 'copying', 'waiting']), done: bytes, total: bytes }),
  ),
  'request.failed': message(
    stages,
    ['gateway'],
    v.strictObject({ request, code: v.picklist(errorCodes), detail: text(1024), parameter: v.nullable(text(64)) }),
  ),
  'request.cancel': message(['gateway'], ['verity', 'polkit'], v.strictObject({ request })),

  // Who may, where polkit says it: gateway → polkit → gateway before a request sets out, and a stage in the middle of it
  'authority.ask': message(
    askers,
    ['polkit'],
    v.strictObject({
      request,
      /** the asker's own number for the question */
      ask: count(Number.MAX_SAFE_INTEGER),
      deadline,
      peer,
      action: v.picklist(actionNames),
      /** what rules may look at, by the names that systemd's daemons use */
      details: v.record(text(64), text(8192)),
      /** a person may be asked for a password */
      interactive: v.boolean(),
      /** one more detail is the path of the directory that comes along, or of a child that it is to have */
      directory: v.nullable(v.strictObject({ child: v.nullable(text(255)) })),
    }),
    (p) => ['process', ...(p.directory === null ? none : (['directory'] as const))],
  ),
  'authority.told': message(
    ['polkit'],
    askers,
    v.strictObject({ request, ask: count(Number.MAX_SAFE_INTEGER), verdict: v.picklist(verdicts), detail: text(255) }),
  ),

  // AllocateUserRange: gateway → allocator → lsm → allocator → gateway
  'range.allocate': message(
    ['gateway'],
    ['allocator'],
    v.strictObject({
      request,
      deadline,
      peer,
      name: text(255),
      mangleName: v.boolean(),
      /** SO_COOKIE of the connection: what makes a mangled name the caller's own */
      cookie: text(20),
      type: v.picklist(['managed', 'self']),
      size: v.picklist([1, 65536]),
      /** null, of type self alone: the caller's own IDs, to themselves */
      target: v.nullable(id),
      delegateContainerRanges: count(16),
      mapForeign: v.boolean(),
    }),
    () => ['user-namespace'],
  ),
  // RegisterUserNamespace, on the same way
  'namespace.register': message(
    ['gateway'],
    ['allocator'],
    v.strictObject({ request, deadline, peer, name: text(255), mangleName: v.boolean(), cookie: text(20) }),
    () => ['user-namespace'],
  ),
  /** `transient`: it is to hold IDs of the pools; otherwise only its end is of interest */
  'range.restrict': message(
    ['allocator'],
    ['lsm'],
    v.strictObject({ request, namespace, transient: v.boolean(), denySetgroups: v.boolean() }),
    () => ['user-namespace'],
  ),
  /** `refusal`: it could not be restricted, so the allocator undoes what it recorded and ends the request with this code */
  'range.restricted': message(['lsm'], ['allocator'], v.strictObject({ request, namespace, refusal: v.nullable(v.picklist(errorCodes)) })),
  'range.allocated': message(['allocator'], ['gateway'], v.strictObject({ request, name: text(255) })),

  // AddMountToUserNamespace: gateway → allocator (→ lsm) → gateway
  'mount.add': message(['gateway'], ['allocator'], v.strictObject({ request }), () => ['user-namespace', 'directory']),
  'mount.admit': message(['allocator'], ['lsm'], v.strictObject({ request }), () => ['user-namespace', 'directory']),
  'mount.added': message(['allocator', 'lsm'], ['gateway'], v.strictObject({ request })),

  // AddNetworkToUserNamespace: gateway → allocator → network → gateway
  'interface.add': message(
    ['gateway'],
    ['allocator'],
    /** `inner`: what the end in the namespace is to be called, null where the caller leaves it open */
    v.strictObject({ request, peer, kind: interfaceKind, inner: v.nullable(interfaceName) }),
    ({ kind }) => ['user-namespace', ...withNetwork(kind)],
  ),
  'interface.make': message(
    ['allocator'],
    ['network'],
    /** `inner` is null of a tap, `owner` who may open it besides root */
    v.strictObject({ request, namespace, kind: interfaceKind, ...networkInterface.entries, inner: v.nullable(interfaceName), owner: id }),
    ({ kind }) => withNetwork(kind),
  ),
  /** `inner` null: a tap, with its descriptor */
  'interface.made': message(
    ['network'],
    ['gateway'],
    v.strictObject({ request, name: interfaceName, inner: v.nullable(interfaceName) }),
    ({ inner }) => (inner === null ? ['tun'] : none),
  ),
  /** Their namespace is gone, and so must they be before its IDs are somebody else's. */
  'interfaces.remove': message(['allocator'], ['network'], v.strictObject({ namespace, interfaces: v.array(networkInterface) })),
  'interfaces.removed': message(['network'], ['allocator'], v.strictObject({ namespace, complete: v.boolean() })),
  // AddControlGroupToUserNamespace: gateway → allocator → lsm → allocator → gateway
  'control-group.add': message(['gateway'], ['allocator'], controlGroupCall, () => ['user-namespace', 'directory']),
  /** The process is the sender itself. Whom the policy does not know as a giver, it lets give no control group to a range. */
  'control-group.permit': message(['allocator'], ['lsm'], controlGroupCall, () => ['process', 'user-namespace', 'directory']),
  'control-group.permitted': message(['lsm'], ['allocator'], controlGroupCall, () => ['user-namespace', 'directory']),
  'control-group.added': message(['allocator'], ['gateway'], v.strictObject({ request })),

  // MountImage: gateway → allocator → verity → mounter → lsm → gateway
  'image.mount': message(
    ['gateway'],
    ['allocator'],
    v.strictObject({
      request,
      deadline,
      peer,
      options: imageOptions,
      password: v.nullable(secret),
      hasNamespace: v.boolean(),
      hasSidecar: v.boolean(),
      consult,
    }),
    (p) => ['image', ...withNamespace(p.hasNamespace), ...(p.hasSidecar ? (['image'] as const) : none), ...withProcess(p.consult)],
  ),
  'image.verify': message(
    ['allocator'],
    ['verity'],
    v.strictObject({
      request,
      deadline,
      peer,
      options: imageOptions,
      password: v.nullable(secret),
      holder: v.nullable(holder),
      hasSidecar: v.boolean(),
      /** the image is a file of root's alone, directly in a directory that the operator trusts */
      isInTrustedDirectory: v.boolean(),
      consult,
    }),
    (p) => ['image', ...withNamespace(p.holder !== null), ...(p.hasSidecar ? (['image'] as const) : none), ...withProcess(p.consult)],
  ),
  'image.attach': message(
    ['verity'],
    ['mounter'],
    v.strictObject({ request, deadline, holder: v.nullable(holder), plan, sources: count(32) }),
    (p) => [...withNamespace(p.holder !== null), ...Array<DescriptorKind>(p.sources).fill('image')],
  ),
  'mounts.allow': message(['mounter'], ['lsm'], v.strictObject({ request, holder: v.nullable(holder), mounted }), (p) => [
    ...withNamespace(p.holder !== null),
    ...Array<DescriptorKind>(p.mounted.partitions.length).fill('mount'),
  ]),
  'image.mounted': message(['lsm'], ['gateway'], v.strictObject({ request, mounted }), (p) =>
    Array<DescriptorKind>(p.mounted.partitions.length).fill('mount'),
  ),

  /** why this kernel makes no dm-verity devices, and none of dm-crypt; null where it does */
  'devices.state': message(
    ['mounter'],
    ['verity'],
    v.strictObject({ verityMissing: v.nullable(text(255)), cryptMissing: v.nullable(text(255)) }),
  ),

  // Whether the kernel's keyrings know who signed an image, which only the mounter can ask: verity → mounter → verity, in the middle of a request
  'signer.ask': message(
    ['verity'],
    ['mounter'],
    v.strictObject({ ask: count(Number.MAX_SAFE_INTEGER), deadline, device: verityDevice }),
    () => ['image', 'image'],
  ),
  /** `refusal`: what a mount of it would be refused with; null where the kernel believes the signer */
  'signer.told': message(
    ['mounter'],
    ['verity'],
    v.strictObject({ ask: count(Number.MAX_SAFE_INTEGER), refusal: v.nullable(v.picklist(errorCodes)), detail: text(1024) }),
  ),

  // MountDirectory: gateway → allocator → mounter → lsm → gateway. Nobody parses anything, so verity has no part in it
  'directory.mount': message(
    ['gateway'],
    ['allocator'],
    v.strictObject({
      request,
      deadline,
      peer,
      readOnly: v.boolean(),
      mode: v.picklist(['root', 'foreign', 'identity', 'auto']),
      hasNamespace: v.boolean(),
      consult,
    }),
    (p) => ['directory', 'process', ...withNamespace(p.hasNamespace)],
  ),
  /** The last namespace, where `isMapped`, has the ID map of the mount; `holder` is null for the host. */
  'directory.attach': message(
    ['allocator'],
    ['mounter'],
    v.strictObject({ request, deadline, holder: v.nullable(holder), readOnly: v.boolean(), isMapped: v.boolean() }),
    (p) => ['directory', 'mount-namespace', ...withNamespace(p.holder !== null), ...withNamespace(p.isMapped)],
  ),
  'directory.allow': message(['mounter'], ['lsm'], v.strictObject({ request, holder: v.nullable(holder), isMapped: v.boolean() }), (p) => [
    ...withNamespace(p.holder !== null),
    'mount',
  ]),
  'directory.mounted': message(['lsm'], ['gateway'], v.strictObject({ request }), () => ['mount']),

  // MakeDirectory: gateway → allocator → gateway
  'directory.make': message(
    ['gateway'],
    ['allocator'],
    v.strictObject({ request, deadline, peer, name: text(255), mode: count(0o777), consult }),
    (p) => ['directory', ...withProcess(p.consult)],
  ),
  'directory.made': message(['allocator'], ['gateway'], v.strictObject({ request }), () => ['directory']),

  // io.postern.Images.Prepare: verify an image ahead of its mount, with progress
  'image.prepare': message(['gateway'], ['verity'], v.strictObject({ request, deadline, peer, options: imageOptions }), () => ['image']),
  'image.prepared': message(
    ['verity'],
    ['gateway'],
    v.strictObject({ request, rootHash: text(128), signer: v.nullable(text(255)), cached: v.boolean() }),
  ),

  // io.systemd.UserDatabase: which namespace an ID, or the name of one, belongs to; users and groups have the same numbers and names
  'record.find': message(['gateway'], ['allocator'], v.strictObject({ request, id: v.nullable(id), name: v.nullable(text(64)) })),
  'record.found': message(
    ['allocator'],
    ['gateway'],
    /** `name` is the namespace's, `offset` counts from the first ID of its range */
    v.strictObject({ request, name: text(255), offset: count(65535), id, unit: v.picklist([1, 65536]) }),
  ),

  // Life and death of namespaces
  'policy.state': message(['lsm'], ['allocator'], v.strictObject({ enforcing: v.boolean(), reason: text(512) })),
  'namespace.gone': message(['lsm'], ['allocator'], v.strictObject({ namespace })),
  'namespace.release': message(['allocator'], ['lsm'], v.strictObject({ namespace })),

  // What `postern status` shows
  'status.ask': message(['gateway'], stages, v.strictObject({ request })),
  'status.tell': message(stages, ['gateway'], v.strictObject({ request, report: plainObject })),
} as const;

export type MessageName = keyof typeof messages;
/** True for a name that stands in the list. */
export function isMessageName(name: string): name is MessageName {
  return Object.hasOwn(messages, name);
}
/** Every message's name. */
export const messageNames: readonly MessageName[] = Object.keys(messages).filter(isMessageName);
/** The payload of a message, as its shape parses it. */
export type Payload<N extends MessageName> = v.InferOutput<(typeof messages)[N]['shape']>;
/** The messages that a node may send. */
export type SentBy<S extends Node> = { [N in MessageName]: S extends (typeof messages)[N]['from'][number] ? N : never }[MessageName];
/** The messages that a node must handle. */
export type ReceivedBy<S extends Node> = { [N in MessageName]: S extends (typeof messages)[N]['to'][number] ? N : never }[MessageName];

/** Which siblings have a socketpair between them; the parent makes exactly these. Derived, so that no edge exists without a message. */
export const edges: readonly (readonly [ServiceName, ServiceName])[] = services.flatMap((a, i) =>
  services.slice(i + 1).flatMap((b) => {
    const linked = Object.values(messages).some(({ from, to }) => {
      const senders: readonly Node[] = from;
      const receivers: readonly Node[] = to;
      return (
        !senders.includes('parent') && ((senders.includes(a) && receivers.includes(b)) || (senders.includes(b) && receivers.includes(a)))
      );
    });
    return linked ? [[a, b] as const] : [];
  }),
);

/** The largest frame: an image's plan with a 64 KiB signature fits many times over. */
export const maxFrameBytes = 160 * 1024;
