/** Tells tools/test.mjs what vitest counted, and why a test was skipped, which vitest's own JSON leaves out. */
import { writeFileSync } from 'node:fs';

export default class Reporter {
  onTestRunEnd(modules, unhandledErrors) {
    const report = { passed: 0, failed: unhandledErrors.length, skipped: [] };
    for (const module of modules) {
      // a file that could not even be read counts as one failure
      report.failed += module.errors().length > 0 ? 1 : 0;
      for (const test of module.children.allTests()) {
        const { state, note } = test.result();
        if (state === 'passed') report.passed += 1;
        else if (state === 'skipped') report.skipped.push({ name: `${module.relativeModuleId}: ${test.fullName}`, reason: note ?? '' });
        else report.failed += 1;
      }
    }
    writeFileSync(process.env.POSTERN_TEST_REPORT, JSON.stringify(report));
  }
}
