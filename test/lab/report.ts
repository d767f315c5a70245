/** Results in the lines that lab/suite.mjs reads. */

let failed = 0;

function tell(name: string, outcome: string | true): void {
  if (outcome !== true) failed++;
  process.stdout.write(outcome === true ? `ok ${name}\n` : `not ok ${name}: ${outcome}\n`);
}

/** @param body true, or what is wrong */
export function check(name: string, body: () => string | true): void {
  try {
    tell(name, body());
  } catch (thrown) {
    tell(name, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** The same for what takes its time. */
export async function checkLater(name: string, body: () => Promise<string | true>): Promise<void> {
  try {
    tell(name, await body());
  } catch (thrown) {
    tell(name, thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
  }
}

/** What this kernel can't be asked. */
export function skip(name: string, why: string): void {
  process.stdout.write(`skip ${name}  ${why}\n`);
}

/** A fact for the written report. */
export function data(fact: Record<string, unknown>): void {
  process.stdout.write(`data ${JSON.stringify(fact)}\n`);
}

export const failures = () => failed;
