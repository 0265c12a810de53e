import { defineConfig } from 'vitest/config';
import { createCiReporter } from './test/helpers/ci-reporter.ts';

/** The folders and files of each project; what no project names is a unit test. Services: test/services/global-setup.ts. */
const projects: Record<string, string[]> = {
  stores: ['test/stores/**/*.test.ts', 'test/limits/**/*.test.ts'],
  pool: ['test/pool/**/*.test.ts'],
  providers: ['test/providers/**/*.test.ts'],
  api: ['test/api/**/*.test.ts'],
  program: ['test/build.test.ts', 'test/readme.test.ts'],
  browser: ['test/graphiql.test.ts'],
  services: ['test/services/**/*.test.ts'],
};

const summary = process.env.SANDBANK_TEST_SUMMARY;

export default defineConfig({
  resolve: {
    // One copy of graphql: Pothos loads the CommonJS build, Vite would load the ESM one beside it.
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    // Ends what hangs; a machine that does other work at the same time is slow, which is no failure.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Real sandboxes share two cores and one uid range: more files at once only wait for one another.
    maxWorkers: 2,
    reporters: ['default', ...(summary ? [createCiReporter(summary)] : [])],
    projects: Object.entries({ unit: ['test/**/*.test.ts'], ...projects }).map(
      ([name, include]) => ({
        extends: true,
        test: {
          name,
          include,
          exclude: name === 'unit' ? Object.values(projects).flat() : [],
          globalSetup: ['test/services/global-setup.ts'],
        },
      }),
    ),
  },
});
