/** The addon's part for what file systems stand on: loop devices, device mapper, and keys for what it makes. */

/** LOOP_CONFIGURE; all sizes in bytes. */
export interface LoopOptions {
  readonly readOnly: boolean;
  /** the device lets go of its file with its last user */
  readonly autoclear: boolean;
  readonly directIo: boolean;
  readonly offset: number;
  /** 0 means up to the end */
  readonly sizeLimit: number;
  /** 512 to the page size, a power of two */
  readonly blockSize: number;
}

/** What a loop device stands on. */
export interface LoopStatus {
  /** st_dev and st_ino of the backing file */
  readonly device: bigint;
  readonly inode: bigint;
  readonly readOnly: boolean;
  readonly autoclear: boolean;
  readonly offset: number;
  readonly sizeLimit: number;
}

export interface BlockDevices {
  // ── loop devices
  /** LOOP_CTL_GET_FREE on an open /dev/loop-control: a number that is free now, and may be another's at once */
  loopGetFree(controlFd: number): number;
  /** EBUSY: somebody else was quicker. ENXIO: the device went away. */
  loopConfigure(loopFd: number, fileFd: number, options: LoopOptions): void;
  /** LOOP_GET_STATUS64; throws ENXIO for a device without a file */
  loopStatus(loopFd: number): LoopStatus;
  loopClear(loopFd: number): void;

  // ── device mapper, on an open /dev/mapper/control. Needs CAP_SYS_ADMIN
  /** Major, minor and patch of a kind of device, whose module is loaded where it is one. EINVAL: the kernel has none such. */
  dmTargetVersion(controlFd: number, target: string): readonly [number, number, number];
  /** An empty device, whose name is its UUID too. EBUSY: the name is taken. */
  dmCreate(controlFd: number, name: string): void;
  /** A table of one target over `sectors` of 512 bytes; parameters in the target's own words, with paths as we see them. */
  dmLoad(controlFd: number, name: string, sectors: number, target: string, parameters: string, readOnly: boolean): void;
  /** Puts the loaded table in force: from then on the device can be read. udev is told to leave it alone. */
  dmResume(controlFd: number, name: string): void;
  /** Whether a table is in force, for reading only or not, and which /dev/dm-MINOR it is. ENXIO: there is no such device. */
  dmStatus(controlFd: number, name: string): { readonly minor: number; readonly active: boolean; readonly readOnly: boolean };
  /** At once where nobody has it open, else with the last who has. ENXIO: there is no such device. */
  dmRemove(controlFd: number, name: string): void;
  /** Every device of the machine. */
  dmNames(controlFd: number): string[];

  // ── keys
  /**
   * A key in the keyring of this thread alone: its number. At most 32767 bytes. A `logon` key's description has a colon, and nobody can
   * read it back.
   */
  addThreadKey(type: 'user' | 'logon', description: string, payload: Uint8Array): number;
  unlinkThreadKey(key: number): void;
}
