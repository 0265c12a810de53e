import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createFileJournal } from '../../src/journal/file.ts';
import type { JournalItem } from '../../src/journal/journal.ts';
import { MIN_FRAME } from '../../src/journal/record.ts';
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
    const lastSize = 12 + 21 + 6 + 4 + (TEXTS.at(-1)?.length ?? 0);
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
      const items = await read(dir);
      expectHonest(items);
      const last = items.at(-1);
      // A reader that has seen all 40 must not miss what is appended after the damage.
      if (at < whole.length - MIN_FRAME)
        expect(last && 'gap' in last ? last.to : last?.seq).toBeGreaterThanOrEqual(40);
    }
  });

  it('never gives the number of a damaged last record again, and finds the last that can be read', async () => {
    const dir = directory();
    const file = await write(dir);
    const whole = readFileSync(file);
    for (const [from, to] of [
      [whole.length - 5, whole.length],
      [whole.length - 500, whole.length],
    ]) {
      writeFileSync(file, Buffer.from(whole).fill(0, from, to));
      const journal = await createFileJournal({ ...options, dir });
      expect((await journal.lastRecord('t'))?.seq).toBeLessThan(40);
      const next = await journal.append('t', [
        { at: 1, kind: 'stdout', meta: null, bytes: Buffer.from('more') },
      ]);
      expect(next).toBeGreaterThan(40);
      const seen: JournalItem[] = [];
      for await (const batch of journal.read('t', { after: 40, follow: false }))
        seen.push(...batch);
      expect(seen.at(-1)).toMatchObject({ seq: next });
      await journal.dispose();
      for (const name of readdirSync(join(dir, 't')))
        if (join(dir, 't', name) !== file) rmSync(join(dir, 't', name));
    }
  });

  it('does not take what a tenant printed for a record', async () => {
    const dir = directory();
    const other = directory();
    const forged = readFileSync(await write(other));
    const journal = await createFileJournal({ ...options, dir });
    const text = (bytes: Buffer) => [{ at: 1, kind: 'stdout', meta: null, bytes }];
    await journal.append('t', text(Buffer.from('first')));
    await journal.append('t', text(forged));
    await journal.append('t', text(Buffer.from('last')));
    await journal.dispose();
    const file = join(dir, 't', '0000000000000001.seg');
    const data = readFileSync(file);
    writeFileSync(file, data.fill(0, 38, 70));
    const items = await read(dir);
    expect(items.map((item) => ('gap' in item ? 'gap' : item.seq))).toEqual(['gap', 3]);
  });

  it('reads segments in any order of places, by many at once', async () => {
    const dir = directory();
    const journal = await createFileJournal({ ...options, dir });
    const bytes = Buffer.alloc(30_000, 'r');
    for (let index = 0; index < 400; index += 1)
      await journal.append('t', [{ at: index, kind: 'stdout', meta: null, bytes }]);
    expect(readdirSync(join(dir, 't')).length).toBeGreaterThan(2);
    const readFrom = async (after: number): Promise<void> => {
      let next = after + 1;
      for await (const batch of journal.read('t', { after, follow: false }))
        for (const item of batch) {
          expect('gap' in item ? 'gap' : item.seq).toBe(next);
          next += 1;
        }
      expect(next).toBe(401);
    };
    await Promise.all([399, 0, 250, 13, 140, 141, 0].map(readFrom));
    await journal.dispose();
  });

  it('holds few topics in memory, but those that are read', async () => {
    const dir = directory();
    const journal = await createFileJournal({ ...options, dir });
    const line = (text: string) => [
      { at: 1, kind: 'stdout', meta: null, bytes: Buffer.from(text) },
    ];
    await journal.create('read');
    const reader = journal.read('read', { after: 0 });
    for (let index = 0; index < 2_300; index += 1) await journal.append(`t${index}`, line('x'));
    await journal.append('read', line('seen'));
    expect((await reader.next()).value).toMatchObject([{ seq: 1 }]);
    await reader.return?.();
    expect(await journal.append('t0', line('y'))).toBe(2);
    await journal.dispose();
  }, 30_000);

  it('forgets what ended long ago at the sweep, and nothing else', async () => {
    const dir = directory();
    let now = 1_000_000;
    const journal = await createFileJournal({ ...options, dir, clock: () => now });
    for (const name of ['old', 'new', 'open']) await journal.create(name);
    await journal.end('old');
    now += 2_000;
    await journal.end('new');
    await journal.sweep();
    expect(await Promise.all(['old', 'new', 'open'].map((name) => journal.info(name)))).toEqual([
      null,
      expect.objectContaining({ ended: true }),
      expect.objectContaining({ ended: false }),
    ]);
    await journal.dispose();
  });

  it('sweeps many topics without holding up anything else, and once at a time', async () => {
    const dir = directory();
    let now = 1_000_000;
    const journal = await createFileJournal({ ...options, dir, clock: () => now });
    const names = Array.from({ length: 500 }, (_, index) => `old ${index}`);
    for (const name of names) await journal.end(name);
    await journal.create('open');
    expect(await Array.fromAsync(journal.unended())).toEqual(['open']);
    now += 2_000;
    const swept = [journal.sweep(), journal.sweep()];
    expect(readdirSync(dir)).toHaveLength(502);
    await setImmediate();
    expect(readdirSync(dir).length).toBeGreaterThan(250);
    await Promise.all(swept);
    expect(readdirSync(dir).toSorted()).toEqual(['.seed', 'open']);
    expect(await journal.info('old 7')).toBeNull();
    await journal.dispose();
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
