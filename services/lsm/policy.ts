/** The kernel's part as the rest of this service sees it: in force, with these operations, or refused, with a reason. */

/** What a namespace that is made known to the policy is. */
export interface Restriction {
  /** it holds IDs of the pools; otherwise only its end is of interest */
  readonly transient: boolean;
  readonly denySetgroups: boolean;
}

/** The policy in force. Every call has taken effect when it returns. Descriptors are borrowed. */
export interface Policy {
  /** Restricts a namespace before its maps are written. Throws when it can't be. */
  restrict(namespaceFd: number, namespace: string, restriction: Restriction): void;
  /**
   * Lets the holder of `namespaceFd` create files through these mounts, and through clones of them. False where one has no idmap: every
   * mount of that file system would be allowed with it, so none of ours is.
   */
  allow(namespaceFd: number, mountFds: readonly number[]): boolean;
  /** Lets a process, by its first thread, give control groups to ranges for as long as it lives. One that is gone is no error. */
  letGive(processFd: number): void;
  /** Takes a restriction back that was never used: the namespace got no maps. */
  release(namespace: string): void;
  /** what `postern status` and `doctor` show */
  report(): Record<string, unknown>;
  close(): void;
}

export type Loaded = { readonly policy: Policy; readonly reason: string } | { readonly policy: null; readonly reason: string };
