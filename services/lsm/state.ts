/** The layouts of the policy's maps, as services/lsm/bpf/state.h has them: little-endian, naturally aligned. Pure. */

export const nameBytes = 64;
export const holderBytes = 16 + nameBytes;
export const allowanceBytes = 24;
export const newsBytes = 16 + nameBytes;
const mountLineBytes = 24;

export interface Holder {
  /** never the same twice */
  readonly cookie: bigint;
  /** holds nothing transient */
  readonly ownId: boolean;
  readonly denySetgroups: boolean;
  readonly name: string;
}

export type News =
  | { readonly kind: 'namespace-gone'; readonly name: string }
  | { readonly kind: 'superblock-gone'; readonly superblock: bigint };

export interface MountLine {
  readonly fd: number;
  readonly superblock: bigint;
  /** 0 for a mount without */
  readonly idmap: bigint;
}

export interface Allowance {
  readonly cookie: bigint;
  readonly superblock: bigint;
  readonly idmap: bigint;
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function packed(length: number, write: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = new Uint8Array(length);
  write(view(bytes), bytes);
  return bytes;
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(bytes.subarray(0, end < 0 ? bytes.length : end)).toString('utf8');
}

export const number32 = (value: number) => packed(4, (to) => to.setUint32(0, value, true));
export const number64 = (value: bigint) => packed(8, (to) => to.setBigUint64(0, value, true));
export const readNumber32 = (bytes: Uint8Array) => view(bytes).getUint32(0, true);
export const readNumber64 = (bytes: Uint8Array) => view(bytes).getBigUint64(0, true);

/** @throws RangeError for a name that does not fit with its end mark */
export function packHolder({ cookie, ownId, denySetgroups, name }: Holder): Uint8Array {
  const encoded = Buffer.from(name, 'utf8');
  if (encoded.length >= nameBytes) throw new RangeError('the name of a namespace is too long');
  return packed(holderBytes, (to, bytes) => {
    to.setBigUint64(0, cookie, true);
    to.setUint32(8, ownId ? 1 : 0, true);
    to.setUint32(12, denySetgroups ? 1 : 0, true);
    bytes.set(encoded, 16);
  });
}

export function readHolder(bytes: Uint8Array): Holder {
  const from = view(bytes);
  return {
    cookie: from.getBigUint64(0, true),
    ownId: from.getUint32(8, true) !== 0,
    denySetgroups: from.getUint32(12, true) !== 0,
    name: text(bytes.subarray(16)),
  };
}

export function packAllowance({ cookie, superblock, idmap }: Allowance): Uint8Array {
  return packed(allowanceBytes, (to) => {
    to.setBigUint64(0, cookie, true);
    to.setBigUint64(8, superblock, true);
    to.setBigUint64(16, idmap, true);
  });
}

export function readAllowance(bytes: Uint8Array): Allowance {
  const from = view(bytes);
  return { cookie: from.getBigUint64(0, true), superblock: from.getBigUint64(8, true), idmap: from.getBigUint64(16, true) };
}

/** Null for a kind that this version does not know. */
export function readNews(bytes: Uint8Array): News | null {
  if (bytes.length < newsBytes) return null;
  const from = view(bytes);
  const kind = from.getBigUint64(0, true);
  if (kind === 1n) return { kind: 'namespace-gone', name: text(bytes.subarray(16)) };
  if (kind === 2n) return { kind: 'superblock-gone', superblock: from.getBigUint64(8, true) };
  return null;
}

export function readMountLines(bytes: Uint8Array): MountLine[] {
  const from = view(bytes);
  return Array.from({ length: Math.floor(bytes.length / mountLineBytes) }, (_, i) => ({
    fd: from.getUint32(i * mountLineBytes, true),
    superblock: from.getBigUint64(i * mountLineBytes + 8, true),
    idmap: from.getBigUint64(i * mountLineBytes + 16, true),
  }));
}

export interface IdRange {
  readonly first: number;
  readonly last: number;
}

/** The two pools, as the object's read-only data begin. */
export function packPools(single: IdRange, block: IdRange): Uint8Array {
  return packed(16, (to) =>
    [single.first, single.last, block.first, block.last].forEach((id, i) => {
      to.setUint32(i * 4, id, true);
    }),
  );
}
