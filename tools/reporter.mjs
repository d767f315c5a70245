/**
 * Tells tools/test.mjs what vitest counted, why a test was skipped, which vitest's own JSON leaves out, and what failed, to be said
 * once more at the end: a log is often kept from its end only.
 */
import { writeFileSync } from 'node:fs';

const told = (error) => error.stack ?? error.message ?? String(error);

export default class Reporter {
  onTestRunEnd(modules, unhandledErrors) {
    const report = { passed: 0, failures: [], skipped: [] };
    const fail = (name, errors = []) => report.failures.push({ name, reason: errors.map(told).join('\n') });

    for (const error of unhandledErrors) fail('outside of any test', [error]);
    for (const module of modules) {
      // a file that could not even be read counts as one failure
      if (module.errors().length > 0) fail(module.relativeModuleId, module.errors());
      for (const test of module.children.allTests()) {
        const { state, note, errors } = test.result();
        const name = `${module.relativeModuleId}: ${test.fullName}`;
        if (state === 'passed') report.passed += 1;
        else if (state === 'skipped') report.skipped.push({ name, reason: note ?? '' });
        else fail(name, errors);
      }
    }
    writeFileSync(process.env.POSTERN_TEST_REPORT, JSON.stringify(report));
  }
}
