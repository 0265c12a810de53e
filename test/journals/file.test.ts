import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFileJournal } from '../../src/journal/file.ts';
import type { JournalItem } from '../../src/journal/journal.ts';
import { testJournal } from '../conformance/journal.ts';

const options = { retainBytes: 2 ** 26, retainMs: 1_000, clock: Date.now };
const directory = (): string => mkdtempSync(join(tmpdir(), 'sandbank-journal-'));

testJournal({
  name: 'file',
  open: ({ retainBytes = 2 ** 26 } = {}) =>
    createFileJournal({ ...options, retainBytes, dir: directory() }),
});

const TEXTS = Array.from({ length: 40 }, (_, index) => `record ${index} ${'z'.repeat(index)}`);

const write = async (dir: string): Promise<string> => {
  const journal = await createFileJournal({ ...options, dir });
  for (const text of TEXTS)
    await journal.append('t', [{ at: 1, kind: 'stdout', meta: null, bytes: Buffer.from(text) }]);
  await journal.dispose();
  const [segment = ''] = readdirSync(join(dir, 't')).filter((name) => name.endsWith('.seg'));
  return join(dir, 't', segment);
};

const read = async (dir: string): Promise<JournalItem[]> => {
  const journal = await createFileJournal({ ...options, dir });
  const items: JournalItem[] = [];
  for await (const batch of journal.read('t', { after: 0, follow: false })) items.push(...batch);
  await journal.dispose();
  return items;
};

/** Every record is either exactly what was written under its number, or inside a gap that says so; nothing is served twice. */
const expectHonest = (items: JournalItem[]): void => {
  let next = 1;
  for (const item of items) {
    if ('gap' in item) {
      expect(item.from).toBe(next);
      next = item.to + 1;
    } else {
      expect(item.seq).toBe(next);
      expect(Buffer.from(item.bytes).toString()).toBe(TEXTS[item.seq - 1]);
      next = item.seq + 1;
    }
  }
};

describe('a damaged journal', () => {
  it('loses only the last record when that is torn, at whatever byte', async () => {
    const dir = directory();
    const file = await write(dir);
    const whole = readFileSync(file);
    const lastSize = 8 + 21 + 6 + 4 + (TEXTS.at(-1)?.length ?? 0);
    for (let cut = 1; cut < lastSize; cut += 3) {
      writeFileSync(file, whole.subarray(0, whole.length - cut));
      const items = await read(dir);
      expectHonest(items);
      expect(items.length).toBe(39);
    }
  });

  it('never serves a wrong byte, whichever bit is flipped or stretch is zeroed', async () => {
    const dir = directory();
    const file = await write(dir);
    const whole = readFileSync(file);
    let seed = 42;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    for (let round = 0; round < 200; round += 1) {
      const damaged = Buffer.from(whole);
      const at = random(damaged.length);
      if (round % 3 === 0) damaged.fill(0, at, Math.min(damaged.length, at + random(200)));
      else damaged[at] = (damaged[at] ?? 0) ^ (1 << random(8));
      writeFileSync(file, damaged);
      expectHonest(await read(dir));
    }
  });

  it('goes on after a start with the number that comes next, and knows what has ended', async () => {
    const dir = directory();
    await write(dir);
    const journal = await createFileJournal({ ...options, dir });
    expect(
      await journal.append('t', [
        { at: 1, kind: 'stdout', meta: null, bytes: Buffer.from('more') },
      ]),
    ).toBe(41);
    await journal.end('t');
    await journal.dispose();
    const again = await createFileJournal({ ...options, dir });
    expect(await again.info('t')).toMatchObject({ last: 41, ended: true });
    await again.dispose();
  });
});
