/** What a service may do, as data: the launcher and the lock-down make it true, `postern doctor` and ARCHITECTURE.md show it. */
import type { ServiceName } from './protocol.ts';

/** The capabilities of capabilities(7) that some service of ours keeps, without their CAP_ prefix. Others can't even be asked for. */
export type Capability =
  | 'BPF'
  | 'CHOWN'
  | 'DAC_OVERRIDE'
  | 'DAC_READ_SEARCH'
  | 'PERFMON'
  | 'SETGID'
  | 'SETUID'
  | 'SYS_ADMIN'
  | 'SYS_CHROOT'
  | 'SYS_PTRACE'
  | 'SYS_RESOURCE';

/** The users that services run as: numbers, so that nothing needs an entry in /etc/passwd. 65520 to 65533 is unassigned by every convention we know. */
export const userIds = { root: 0, gateway: 65520, verity: 65521 } as const;
export type UserName = keyof typeof userIds;

export interface KeptCapability {
  readonly capability: Capability;
  /** do without it where the host itself lacks it, as in a container */
  readonly optional?: boolean;
  readonly why: string;
}

/** Something that the service sees besides /usr, /lib, /lib64, its node and its program. */
export interface ViewEntry {
  /** A path of the host. A leading `$NAME` is a folder that `serve` settles, such as `$STATE`. */
  readonly source: string;
  /** where the service sees it; the same path when left out */
  readonly target?: string;
  /** programs run in `read-only` alone, device nodes work in `devices` alone, set-user-ID nowhere; `proc` is the host's /proc at /proc */
  readonly access: 'read-only' | 'read-write' | 'devices' | 'proc';
  /** make the folder when it is absent, mode 0700, owned by the service's user */
  readonly create?: boolean;
  /** start without it when the host has no such path */
  readonly optional?: boolean;
  readonly why: string;
}

/** System calls beyond those of `mesh/lockdown.ts` that every Node process makes. */
export interface AllowedSystemCalls {
  readonly names: readonly string[];
  readonly why: string;
}

export interface Privileges {
  readonly service: ServiceName;
  readonly user: UserName;
  readonly capabilities: readonly KeptCapability[];
  readonly view: readonly ViewEntry[];
  readonly systemCalls: readonly AllowedSystemCalls[];
  /** the host's network, where a service needs one; without it, a network namespace of its own with nothing in it */
  readonly network?: 'host';
  /** take even the minimal root away once the service is ready: it can open nothing from then on */
  readonly emptyRoot?: boolean;
  /** in one sentence, why the service needs what is above */
  readonly why: string;
}
