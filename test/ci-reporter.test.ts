import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it('the closing line of CI counts what failed, was skipped or could not be loaded as failed, and minutes per project', async () => {
  // Inside the repository, so that the files find vitest.
  mkdirSync('node_modules/.cache', { recursive: true });
  const dir = mkdtempSync('node_modules/.cache/sandbank-reporter-');
  const summary = join(process.cwd(), dir, 'summary');
  const write = (name: string, text: string) => writeFileSync(join(dir, name), text);
  const reporter = join(process.cwd(), 'test/helpers/ci-reporter.ts');
  write(
    'vitest.config.ts',
    `import { createCiReporter } from ${JSON.stringify(reporter)};
    export default { test: {
      reporters: [createCiReporter(${JSON.stringify(summary)})],
      projects: ['one', 'two'].map((name) => ({ test: { name, include: [name + '*.test.ts'] } })),
    } };`,
  );
  const head = "import { expect, it } from 'vitest';";
  write(
    'one.test.ts',
    `${head} it('a', () => {}); it('b', () => {}); it('c', () => expect(1).toBe(2));`,
  );
  write('one-skipped.test.ts', `${head} it('d', () => {}); it.skip('e', () => {});`);
  write('two.test.ts', "throw new Error('not loaded');");
  await run('node_modules/.bin/vitest', ['run', '--root', dir]).catch(() => undefined);
  const lines = readFileSync(summary, 'utf8').trimEnd().split('\n');
  expect(lines.sort()).toEqual([
    '3 passed, 3 failed',
    'one          0.0 minutes in 2 files',
    'skipped: one-skipped.test.ts > e',
    'two          0.0 minutes in 1 files',
  ]);
  rmSync(dir, { recursive: true });
}, 60_000);
