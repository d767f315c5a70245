/**
 * Has Debian packages at hand without installing them, and prints the folder where they are unpacked.
 *   node test/support/fetch.mjs NAME SUITE PACKAGE…
 * Ends with 75 where they are neither kept from an earlier time nor to be had from a mirror.
 */
import { keptPackages } from '../../lab/packages.mjs';

const [name, suite, ...packages] = process.argv.slice(2);
try {
  console.log(keptPackages(name, suite, packages));
} catch (error) {
  console.error(error.message);
  process.exitCode = 75;
}
