/** A rule of the administrator's: the ordinary user may do what an action stands for. */
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { until } from '../server.ts';

const rule = '/etc/polkit-1/rules.d/00-lab.rules';

/**
 * Runs something while polkit lets everybody do it.
 * @param process any; polkit is asked about it to see whether it knows the rule yet
 */
export async function whileAllowed<T>(action: string, process: number, work: () => Promise<T>): Promise<T> {
  const isAllowed = () => spawnSync('pkcheck', ['--action-id', action, '--process', `${process}`], { stdio: 'ignore' }).status === 0;
  const says = `if (action.id === ${JSON.stringify(action)}) return polkit.Result.YES;`;
  // Debian's polkit reads the JavaScript of 2009
  writeFileSync(rule, `polkit.addRule(function (action) { ${says} });\n`, { mode: 0o644 });
  try {
    await until('the rule, for polkit,', () => isAllowed() || undefined);
    return await work();
  } finally {
    rmSync(rule);
    await until('its end, for polkit,', () => !isAllowed() || undefined);
  }
}
