/** What is tried in the lab's machine. */
import { attackTable } from './attacks.ts';
import { kernelHasWhatItTakes } from './kernel.ts';
import { checkLater, failures } from './report.ts';

kernelHasWhatItTakes();
await checkLater('the attack table was tried to its end', async () => {
  await attackTable();
  return true;
});
process.exit(failures() > 0 ? 1 : 0);
