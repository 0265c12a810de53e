import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileJournal } from '../src/journal/file.ts';
import { quantile, type Row, round, row, timed } from './measure.ts';

const ROUNDS = 7;
const AT_ONCE = 32;
const CASES = [
  { name: '100 B', size: 100, records: 6_400 },
  { name: '64 KiB', size: 65_536, records: 320 },
] as const;

/** Appends against plain `fs.writeSync` of the same bytes, taking turns in one run; the ratio is that of the medians. */
export const run = async (): Promise<Row[]> => {
  const dir = mkdtempSync(join(tmpdir(), 'sandbank-bench-'));
  const journal = await createFileJournal({
    dir: join(dir, 'journal'),
    retainBytes: 2 ** 26,
    retainMs: 86_400_000,
    clock: Date.now,
  });
  const rows: Row[] = [];
  try {
    for (const { name, size, records } of CASES) {
      const bytes = Buffer.alloc(size, 'x');
      const record = { at: 1, kind: 'stdout', meta: { p: 1 }, bytes };
      const plain = async (): Promise<void> => {
        const fd = openSync(join(dir, 'plain'), 'a');
        for (let index = 0; index < records; index += 1) writeSync(fd, bytes);
        closeSync(fd);
        rmSync(join(dir, 'plain'));
      };
      const oneByOne = async (): Promise<void> => {
        for (let index = 0; index < records; index += 1) await journal.append('one', [record]);
        await journal.remove('one');
      };
      const atOnce = async (): Promise<void> => {
        for (let index = 0; index < records; index += AT_ONCE)
          await Promise.all(
            Array.from({ length: AT_ONCE }, () => journal.append('many', [record])),
          );
        await journal.remove('many');
      };
      const times = { plain: [] as number[], oneByOne: [] as number[], atOnce: [] as number[] };
      for (let turn = 0; turn <= ROUNDS; turn += 1) {
        const took = [await timed(plain), await timed(oneByOne), await timed(atOnce)] as const;
        // The first turn warms the code and the page cache.
        if (turn === 0) continue;
        times.plain.push(took[0]);
        times.oneByOne.push(took[1]);
        times.atOnce.push(took[2]);
      }
      const base = quantile(times.plain, 0.5);
      const say = (how: string, samples: number[]): Row => {
        const took = quantile(samples, 0.5);
        const rate = Math.round((records / took) * 1_000);
        return row(
          `journal: ${name} appends, ${how}`,
          `${round(base / took)} × plain writeSync (${rate} a second)`,
        );
      };
      rows.push(say('one after another', times.oneByOne), say(`${AT_ONCE} at once`, times.atOnce));
    }
    return rows;
  } finally {
    await journal.dispose();
    rmSync(dir, { recursive: true, force: true });
  }
};
