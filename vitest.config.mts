import { defineConfig } from 'vitest/config';

/** Files run one after the other: many count the machine's own loop devices, mounts and descriptors before and after. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/lab/**', 'node_modules/**'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 120_000,
    // The kernel ends a network namespace, and with it its user namespace, in its own time: seconds where the machine is busy.
    expect: { poll: { timeout: 30_000 } },
    setupFiles: ['test/support/leaks.ts'],
  },
});
