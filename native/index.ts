/**
 * The edge to the kernel. Each function of the addon converts its arguments, makes the system call and converts the answer; what may
 * be called when is decided elsewhere. The surface is told in addon.ts.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Addon, SystemError } from './addon.ts';

export type * from './addon.ts';

/** True for the error of a failed system call. */
export function isSystemError(thrown: unknown): thrown is SystemError {
  return thrown instanceof Error && 'syscall' in thrown && 'code' in thrown && typeof thrown.code === 'string';
}

/** Raised with every change of the table; see `kAbi` in src/addon.cc. */
const abi = 7;

function load(): Addon {
  const here = dirname(fileURLToPath(import.meta.url));
  const places = [join(here, 'build/Release/postern.node'), join(here, 'postern.node')];
  const place = places.find((p) => existsSync(p));
  if (place === undefined) throw new Error('the native addon is not built: run `npm run setup`');
  const addon: Addon = createRequire(import.meta.url)(place);
  if (addon.abi !== abi) throw new Error('the native addon is of another version: run `npm run setup`');
  return addon;
}

export const native: Addon = load();
