/** What one user may hold at a time. Pure: numbers in, numbers and listeners out. */

export interface Limits {
  /** connections of all users together */
  readonly connections: number;
  readonly connections_per_user: number;
  /** requests under way of all users together */
  readonly requests: number;
  readonly requests_per_user: number;
  /** calls of one connection that were read and not yet answered; the rest waits in the kernel */
  readonly calls_per_connection: number;
  /** bytes of messages that were read and not yet answered */
  readonly bytes_per_user: number;
  /** descriptors of messages that were read and not yet answered, and of answers that the user has not read yet */
  readonly descriptors_per_user: number;
}

/** SCM_MAX_FD: a message brings no more, and it must have room before it is read. */
const descriptorsOfOneMessage = 253;

/** Container ranges are 64 Ki IDs from here on (as systemd gives them out), so that each of them is one user. */
const firstContainerId = 524288;
const containerRange = 65536;

/** Who a user is to the limits: whoever has a whole range has many IDs, yet is one. */
export function accountOf(uid: number): number {
  return uid < firstContainerId ? uid : uid - (uid % containerRange);
}

interface Account {
  connections: number;
  bytes: number;
  descriptors: number;
  /** who waits for room to read */
  readonly waiting: Set<() => void>;
}

export class Ledger {
  readonly #limits: Limits;
  readonly #accounts = new Map<number, Account>();
  #connections = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get connections(): number {
    return this.#connections;
  }

  get accounts(): number {
    return this.#accounts.size;
  }

  /** False, and nothing counted, where there are too many. */
  openConnection(account: number): boolean {
    const entry = this.#accounts.get(account) ?? { connections: 0, bytes: 0, descriptors: 0, waiting: new Set() };
    if (this.#connections >= this.#limits.connections || entry.connections >= this.#limits.connections_per_user) return false;
    this.#accounts.set(account, entry);
    entry.connections += 1;
    this.#connections += 1;
    return true;
  }

  closeConnection(account: number): void {
    const entry = this.#entry(account);
    entry.connections -= 1;
    this.#connections -= 1;
    this.#forget(account, entry);
  }

  /** Whether another read is within the limits. Where it is not, `whenRoom` tells when. */
  mayRead(account: number): boolean {
    return this.#hasRoom(this.#entry(account));
  }

  hold(account: number, bytes: number, descriptors: number): void {
    const entry = this.#entry(account);
    entry.bytes += bytes;
    entry.descriptors += descriptors;
  }

  release(account: number, bytes: number, descriptors: number): void {
    const entry = this.#entry(account);
    entry.bytes -= bytes;
    entry.descriptors -= descriptors;
    this.#forget(account, entry);
    if (entry.waiting.size === 0 || !this.#hasRoom(entry)) return;
    const waiting = [...entry.waiting];
    entry.waiting.clear();
    for (const resume of waiting) resume();
  }

  /** Calls once, when there is room again. */
  whenRoom(account: number, resume: () => void): void {
    this.#entry(account).waiting.add(resume);
  }

  /** Takes a `whenRoom` back. */
  forgetRoom(account: number, resume: () => void): void {
    this.#accounts.get(account)?.waiting.delete(resume);
  }

  #hasRoom(entry: Account): boolean {
    const { bytes_per_user, descriptors_per_user } = this.#limits;
    return entry.bytes < bytes_per_user && entry.descriptors + descriptorsOfOneMessage <= descriptors_per_user;
  }

  #entry(account: number): Account {
    const entry = this.#accounts.get(account);
    if (entry === undefined) throw new Error('an account without a connection');
    return entry;
  }

  #forget(account: number, entry: Account): void {
    if (entry.connections === 0 && entry.bytes === 0 && entry.descriptors === 0) this.#accounts.delete(account);
  }
}
