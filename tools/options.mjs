/** The command line of a tool: `--help`, and whatever can't be used, teach what there is. */
import { parseArgs } from 'node:util';
import { red } from './say.mjs';

/** As sysexits(3) has it: the command was used incorrectly. */
const wrongUsage = 64;

/** Ends the tool: what is wrong with the command line, and how it is meant. */
export function misused(what, usage) {
  console.error(`  ${red('✗')} ${what}\n\n${usage}`);
  process.exit(wrongUsage);
}

/**
 * What `parseArgs` makes of the command line.
 * @param {string} usage
 * @param {import('node:util').ParseArgsConfig} config
 */
export function readOptions(usage, config) {
  const options = { ...config.options, help: { type: 'boolean', short: 'h', default: false } };
  let parsed;
  try {
    parsed = parseArgs({ ...config, options });
  } catch (error) {
    if (!error.code?.startsWith('ERR_PARSE_ARGS')) throw error;
    misused(error.message, usage);
  }
  if (!parsed.values.help) return parsed;
  process.stdout.write(usage);
  process.exit(0);
}
