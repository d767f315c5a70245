/** What is tried in the lab's machine. */
import { attackTable } from './attacks.ts';
import { controlGroups } from './control-groups.ts';
import { directories } from './directory.ts';
import { encryptedImages } from './encrypted.ts';
import { writingToEncryptedImages } from './encrypted-writing.ts';
import { kernelHasWhatItTakes } from './kernel.ts';
import { livesAndDeaths, restrictAndWait } from './lives.ts';
import { networkInterfaces } from './network.ts';
import { checkLater, failures } from './report.ts';
import { sealedFiles } from './seals.ts';
import { serving } from './serving.ts';
import { trustedImages } from './trusted.ts';
import { verityDevicesForReal } from './verity.ts';

const [role, argument] = process.argv.slice(2);
if (role === 'restrict' && argument !== undefined) {
  restrictAndWait(argument);
} else {
  /** `LAB_PARTS=attacks,lives` runs just these. */
  const parts = {
    kernel: async () => kernelHasWhatItTakes(),
    attacks: () =>
      checkLater('the attack table was tried to its end', async () => {
        await attackTable();
        return true;
      }),
    lives: livesAndDeaths,
    serving,
    directories,
    groups: controlGroups,
    network: networkInterfaces,
    verity: verityDevicesForReal,
    seals: sealedFiles,
    trusted: trustedImages,
    encrypted: encryptedImages,
    writing: writingToEncryptedImages,
  };
  const wanted = process.env.LAB_PARTS?.split(',');
  for (const [name, run] of Object.entries(parts)) if (wanted === undefined || wanted.includes(name)) await run();
  process.exit(failures() > 0 ? 1 : 0);
}
