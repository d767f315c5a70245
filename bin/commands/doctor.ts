/** postern doctor: what this kernel can do, found out by doing it. */
import { Command } from 'commander';
import type { DoctorOptions } from '../doctor/doctor.ts';

const help = `
Each feature is really used once, in a process that ends with the attempt. Some can be tried by root only: run it as root as well where
\`postern serve\` is to run.

Exit status: 0 when an image can be let in on this kernel, 1 when something that every route needs is missing.`;

export function doctorCommand(): Command {
  return new Command('doctor')
    .summary('try what the kernel can do, and tell what that means')
    .description('Try each kernel feature that Postern uses, and tell what it means for which route.')
    .option('--json', 'for programs: one JSON document')
    .addHelpText('after', help)
    .action(async (options: DoctorOptions) => (await import('../doctor/doctor.ts')).doctor(options));
}
