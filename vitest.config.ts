import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    // One copy of graphql: Pothos loads the CommonJS build, Vite would load the ESM one beside it.
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Real sandboxes share two cores and one uid range: more files at once only wait for one another.
    maxWorkers: 2,
  },
});
