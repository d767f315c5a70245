/**
 * The edge to libbpf, for the lsm service alone. Each function converts its arguments and makes the call; a failed one throws a SystemError,
 * with what libbpf or the verifier said in `detail`. Maps are descriptors of the caller's; keys and values are bytes in the layouts of
 * services/lsm/bpf/state.h.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What `load` and `openRing` return; it ends with its last reference. */
export type Handle = { readonly handle: unique symbol };

export interface LsmAddon {
  /** Which of these functions the running kernel has, as its BTF tells. */
  kernelFunctions(names: readonly string[]): boolean[];
  /**
   * Loads just these programs of an object.
   * @param config replaces the beginning of the object's read-only data
   * @param mapFolder where maps are pinned; one that is there already, with the same layout, is taken over
   */
  load(path: string, config: Uint8Array, mapFolder: string, programs: readonly string[]): Handle;
  /** From here on the program runs, and goes on for as long as its pin is there. */
  attach(program: string, pin: string, object: Handle): void;
  /** Pins a program that is not attached but read. */
  pinProgram(program: string, pin: string, object: Handle): void;
  openMap(path: string): number;
  update(map: number, key: Uint8Array, value: Uint8Array): void;
  lookup(map: number, key: Uint8Array, valueBytes: number): Uint8Array | null;
  /** False when it was not there. */
  remove(map: number, key: Uint8Array): boolean;
  /** Every key, up to a limit. One that comes or goes meanwhile may be missing or twice. */
  keys(map: number, keyBytes: number, limit: number): Uint8Array[];
  /** All that a pinned iterator over this thread's files writes. */
  readIterator(pin: string): Uint8Array;
  openRing(map: number): Handle;
  /** Readable when there are news; belongs to the ring. */
  ringDescriptor(ring: Handle): number;
  drainRing(ring: Handle): Uint8Array[];
}

const here = dirname(fileURLToPath(import.meta.url));

/** The first of these files that is there: beside a bundle in dist/, or where the build leaves it. */
function built(name: string): string | undefined {
  return [join(here, name), join(here, '../build', name), join(here, '../../dist', name)].find((path) => existsSync(path));
}

/** Where the policy's object is; undefined where it was not built. */
export const policyObject = built('policy.bpf.o');

/** Loads the addon. Null where it was not built. Throws where libbpf is missing. */
export function loadLsmAddon(): LsmAddon | null {
  const place = built('postern-lsm.node');
  if (place === undefined) return null;
  const addon: LsmAddon = createRequire(import.meta.url)(place);
  return addon;
}
