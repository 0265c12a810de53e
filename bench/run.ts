import { writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import type { Row } from './measure.ts';

const questions = [
  'query',
  'exec',
  'create',
  'stream',
  'fanout',
  'memory',
  'journal',
  'access',
] as const;

/** `npm run bench` runs all and keeps the table; `npm run bench -- exec create` runs some and only prints them. */
const chosen = process.argv.slice(2);
const names = questions.filter((name) => chosen.length === 0 || chosen.includes(name));
const rows: Row[] = [];
for (const name of names) {
  console.error(`bench: ${name}`);
  const { run } = (await import(`./${name}.bench.ts`)) as { run: () => Promise<Row[]> };
  rows.push(...(await run()));
}
const table = [
  '| question | figure | target | met |',
  '|---|---|---|---|',
  ...rows.map((one) => `| ${one.question} | ${one.figure} | ${one.target} | ${one.met} |`),
].join('\n');
console.log(table);
if (chosen.length === 0) {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`;
  await writeFile(
    'bench/RESULTS.md',
    `# Results\n\n${new Date().toISOString().slice(0, 10)} on ${machine}. Every figure is a ratio or a difference within one run; the machine is shared and noisy.\n\n${table}\n`,
  );
}
process.exit(0);
