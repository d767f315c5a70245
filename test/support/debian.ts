/** Programs of Debian's that tests run without installing them. */
import { join } from 'node:path';
import { root, run } from './serve.ts';

/**
 * The folder where packages of a suite are unpacked, or why there is none.
 * @param name of the folder among those that are kept
 */
export async function unpacked(
  name: string,
  suite: string,
  packages: readonly string[],
): Promise<{ folder: string } | { missing: string }> {
  try {
    const { stdout } = await run(process.execPath, [join(root, 'test/support/fetch.mjs'), name, suite, ...packages]);
    return { folder: stdout.trim() };
  } catch {
    return { missing: `${packages[0]} of ${suite} is neither kept nor to be had from a Debian mirror` };
  }
}
