import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

const minutes = (ms: number): string => (ms / 60_000).toFixed(1);

/** A file of tests that could not be loaded, or whose hooks failed, has no test that says so. */
const isBroken = (module: TestModule): boolean =>
  module.state() === 'failed' && ![...module.children.allTests('failed')].length;

const summarize = (modules: readonly TestModule[], unhandledErrors: number): string[] => {
  const projects = Map.groupBy(modules, ({ project }) => project.name);
  const lines = [...projects].map(([name, own]) => {
    const ms = own.reduce((sum, module) => {
      const { duration, setupDuration, collectDuration } = module.diagnostic();
      return sum + duration + setupDuration + collectDuration;
    }, 0);
    return `${name.padEnd(12)} ${minutes(ms)} minutes in ${own.length} files`;
  });
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const passed = tests.filter((test) => test.result().state === 'passed').length;
  const skipped = tests.filter((test) => test.result().state === 'skipped');
  lines.push(
    ...skipped.map((test) => `skipped: ${test.module.relativeModuleId} > ${test.fullName}`),
  );
  const failed = tests.length - passed + modules.filter(isBroken).length + unhandledErrors;
  return [...lines, `${passed} passed, ${failed} failed`];
};

/**
 * Writes what `.ci/run` says at its end to a file: minutes of each vitest project, what was skipped, and a closing line.
 * Only what has passed is not counted as failed.
 */
export const createCiReporter = (file: string): Reporter => ({
  onTestRunEnd(modules, unhandledErrors) {
    writeFileSync(file, `${summarize(modules, unhandledErrors.length).join('\n')}\n`);
  },
});
