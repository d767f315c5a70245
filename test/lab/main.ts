/** What is tried in the lab's machine. */
import { attackTable } from './attacks.ts';
import { kernelHasWhatItTakes } from './kernel.ts';
import { livesAndDeaths, restrictAndWait } from './lives.ts';
import { checkLater, failures } from './report.ts';

const [role, pid] = process.argv.slice(2);
if (role === 'restrict' && pid !== undefined) {
  restrictAndWait(pid);
} else {
  kernelHasWhatItTakes();
  await checkLater('the attack table was tried to its end', async () => {
    await attackTable();
    return true;
  });
  await livesAndDeaths();
  process.exit(failures() > 0 ? 1 : 0);
}
