/** An allocator in this process, with the real kernel and helper under it and the test in the place of its siblings. */
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as v from 'valibot';
import { Descriptor } from '../../../mesh/descriptors.ts';
import type { Payload } from '../../../mesh/protocol.ts';
import { type Surroundings, startAllocator } from '../../../services/allocator/allocator.ts';
import { configSchema } from '../../../services/allocator/config.ts';
import { type FakeMesh, fakeMesh } from '../../support/mesh.ts';
import type { Shell } from './shell.ts';

/** Below the folder that tests run in: some are bundled, and lie elsewhere. */
export const helper = resolve('native/build/helper');
export const isRoot = process.getuid?.() === 0;

export type Call = Payload<'range.allocate'>;
/** Either how a request ended, or `waiting`: it is at the lsm service. */
export type Answer = { readonly name: string } | { readonly code: string; readonly detail: string } | 'waiting';

export interface Desk {
  readonly fake: FakeMesh<'allocator'>;
  readonly folder: string;
  status(): Record<string, unknown>;
  /** The caller is this test, as uid 1000, unless `call` says otherwise. */
  allocate(shell: Shell | Descriptor, call?: Partial<Call>): Promise<Answer>;
  /** What came of a request. */
  answer(request: number): Answer;
  mount(namespace: Descriptor | null, call?: Partial<Payload<'image.mount'>>): Promise<Payload<'image.verify'> | { readonly code: string }>;
  /** Takes over the descriptors. The caller is as in `mount`. */
  mountDirectory(
    directory: Descriptor,
    caller: Descriptor,
    namespace: Descriptor,
  ): Promise<Payload<'directory.attach'> | { readonly code: string }>;
  /** Takes over the descriptor. The caller is as in `mount`. */
  makeDirectory(parent: Descriptor): Promise<Payload<'directory.made'> | { readonly code: string }>;
  /** Takes over the descriptors. The caller is as in `mount`; `permit` is the policy's part, and borrows the giver's process. */
  addControlGroup(
    namespace: Descriptor,
    group: Descriptor,
    call?: Partial<Payload<'control-group.add'>>,
    permit?: (giver: Descriptor) => void,
  ): Promise<Payload<'control-group.added'> | { readonly code: string; readonly detail: string }>;
  /** What the lsm service says of the kernel. */
  policy(enforcing: boolean): Promise<void>;
  /** Ends this allocator and begins the next life in the same folder. */
  restart(config?: Record<string, unknown>, surroundings?: Surroundings): Desk;
  /** Ends this life without a word. */
  drop(): void;
  [Symbol.dispose](): void;
}

let lastRequest = 0;

export function openDesk(config: Record<string, unknown> = {}, surroundings: Surroundings = {}, at?: string): Desk {
  const folder = at ?? mkdtempSync(join(tmpdir(), 'postern-ranges-'));
  const fake = fakeMesh('allocator');
  const allocator = startAllocator(fake.mesh, v.parse(configSchema, { ...config, state: folder }), helper, surroundings);
  fake.serve(allocator);
  const drop = () => {
    allocator.stop();
    fake.close();
  };

  const answer = (request: number): Answer => {
    for (const { name, payload } of fake.sent()) {
      if (!('request' in payload) || payload.request !== request) continue;
      if (name === 'range.allocated') return fake.take('range.allocated').payload;
      if (name === 'request.failed') return fake.take('request.failed').payload;
    }
    return 'waiting';
  };

  return {
    fake,
    folder,
    status: allocator.status,
    answer,
    drop,
    async allocate(from, overrides = {}) {
      const request = ++lastRequest;
      const namespace = 'namespace' in from ? from.namespace() : from;
      const call: Call = {
        request,
        deadline: Number.MAX_SAFE_INTEGER,
        peer: { uid: 1000, gid: 1000, pid: process.pid },
        name: `n${request}`,
        mangleName: false,
        cookie: String(request),
        type: 'managed',
        size: 65536,
        target: 0,
        delegateContainerRanges: 0,
        mapForeign: false,
        ...overrides,
      };
      await fake.deliver('gateway', 'range.allocate', call, [namespace]);
      return answer(request);
    },
    async mount(namespace, overrides = {}) {
      const request = ++lastRequest;
      const image = anImage();
      const call: Payload<'image.mount'> = {
        request,
        deadline: Number.MAX_SAFE_INTEGER,
        peer: { uid: 1000, gid: 1000, pid: process.pid },
        options: imageOptions,
        password: null,
        hasNamespace: namespace !== null,
        hasSidecar: false,
        consult: null,
        ...overrides,
      };
      const sidecar = call.hasSidecar ? [anImage()] : [];
      await fake.deliver('gateway', 'image.mount', call, [image, ...(namespace === null ? [] : [namespace]), ...sidecar]);
      if (fake.sent().some(({ name }) => name === 'request.failed')) return fake.take('request.failed').payload;
      const { payload, descriptors } = fake.take('image.verify');
      for (const descriptor of descriptors) descriptor.close();
      return payload;
    },
    async mountDirectory(directory, caller, namespace) {
      const call: Payload<'directory.mount'> = {
        request: ++lastRequest,
        deadline: Number.MAX_SAFE_INTEGER,
        peer: { uid: 1000, gid: 1000, pid: process.pid },
        readOnly: false,
        mode: 'auto',
        hasNamespace: true,
        consult: null,
      };
      await fake.deliver('gateway', 'directory.mount', call, [directory, caller, namespace]);
      if (fake.sent().some(({ name }) => name === 'request.failed')) return fake.take('request.failed').payload;
      const { payload, descriptors } = fake.take('directory.attach');
      for (const descriptor of descriptors) descriptor.close();
      return payload;
    },
    async makeDirectory(parent) {
      const peer = { uid: 1000, gid: 1000, pid: process.pid };
      const call = { request: ++lastRequest, deadline: Number.MAX_SAFE_INTEGER, peer, name: 'made', mode: 0o700, consult: null };
      await fake.deliver('gateway', 'directory.make', call, [parent]);
      if (fake.sent().some(({ name }) => name === 'request.failed')) return fake.take('request.failed').payload;
      const { payload, descriptors } = fake.take('directory.made');
      for (const descriptor of descriptors) descriptor.close();
      return payload;
    },
    async addControlGroup(namespace, group, overrides = {}, permit = () => {}) {
      const peer = { uid: 1000, gid: 1000, pid: process.pid };
      const call = { request: ++lastRequest, deadline: Number.MAX_SAFE_INTEGER, peer, ...overrides };
      await fake.deliver('gateway', 'control-group.add', call, [namespace, group]);
      if (fake.sent().some(({ name }) => name === 'request.failed')) return fake.take('request.failed').payload;
      const { payload, descriptors } = fake.take('control-group.permit');
      const [giver, ...rest] = descriptors;
      if (giver !== undefined) permit(giver);
      await fake.deliver('lsm', 'control-group.permitted', payload, rest);
      if (fake.sent().some(({ name }) => name === 'request.failed')) return fake.take('request.failed').payload;
      return fake.take('control-group.added').payload;
    },
    policy: (enforcing) => fake.deliver('lsm', 'policy.state', { enforcing, reason: enforcing ? 'tried' : 'EPERM' }),
    restart(nextConfig = config, nextSurroundings = surroundings) {
      drop();
      return openDesk(nextConfig, nextSurroundings, folder);
    },
    [Symbol.dispose]() {
      drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Any regular file: what is in it is for verity to see. */
function anImage(): Descriptor {
  return new Descriptor(openSync(helper, 'r'));
}

const imageOptions: Payload<'image.mount'>['options'] = {
  readOnly: true,
  growFileSystems: false,
  imagePolicy: null,
  mountOptions: {},
  relaxExtensionReleaseChecks: false,
  veritySharing: false,
  verityRootHash: null,
  verityRootHashSignature: null,
  imageName: null,
};
