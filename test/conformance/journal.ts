import { describe, expect, it } from 'vitest';
import type { Journal, JournalItem } from '../../src/journal/journal.ts';

export type JournalSubject = {
  name: string;
  open(options?: { retainBytes?: number }): Promise<Journal>;
};

const record = (text: string) => ({
  at: 1,
  kind: 'stdout',
  meta: { p: 1 },
  bytes: Buffer.from(text),
});
const texts = (items: JournalItem[]): string[] =>
  items.map((item) => ('gap' in item ? 'gap' : Buffer.from(item.bytes).toString()));

/** What every journal owes. */
export const testJournal = ({ name, open }: JournalSubject): void => {
  describe(`journal ${name}`, () => {
    const all = async (journal: Journal, topic: string, after = 0): Promise<string[]> => {
      const seen: string[] = [];
      for await (const items of journal.read(topic, { after, follow: false }))
        seen.push(...texts(items));
      return seen;
    };

    it('gives records back in order, after a place that is excluded', async () => {
      const journal = await open();
      expect(await journal.append('t', [record('a'), record('b')])).toBe(2);
      expect(await journal.append('t', [record('c')])).toBe(3);
      expect(await all(journal, 't')).toEqual(['a', 'b', 'c']);
      expect(await all(journal, 't', 2)).toEqual(['c']);
      expect(await all(journal, 't', 3)).toEqual([]);
      expect(await journal.lastRecord('t')).toMatchObject({
        seq: 3,
        kind: 'stdout',
        meta: { p: 1 },
      });
      await journal.dispose();
    });

    it('refuses a place ahead of the stream, a topic that is not, and an append to what has ended', async () => {
      const journal = await open();
      await journal.create('t');
      expect(() => journal.read('t', { after: 1 })).toThrow(/ahead/);
      expect(() => journal.read('none', { after: 0 })).toThrow(/No stream/);
      await journal.end('t');
      await journal.end('t');
      await expect(journal.append('t', [record('x')])).rejects.toMatchObject({ code: 'CONFLICT' });
      await journal.dispose();
    });

    it('follows with no seam: 300 readers that begin anywhere see everything once', async () => {
      const journal = await open();
      await journal.create('t');
      const readers: Promise<number[]>[] = [];
      const read = async (after: number): Promise<number[]> => {
        const seen: number[] = [];
        for await (const items of journal.read('t', { after }))
          for (const item of items) if (!('gap' in item)) seen.push(item.seq);
        return seen;
      };
      const starts: number[] = [];
      for (let index = 1; index <= 300; index += 1) {
        await journal.append('t', [record(`line ${index}`.repeat(index % 7))]);
        const after = (index * 7919) % index;
        starts.push(after);
        readers.push(read(after));
        if (index % 10 === 0) await new Promise(setImmediate);
      }
      await journal.end('t');
      (await Promise.all(readers)).forEach((seen, index) => {
        const start = starts[index] ?? 0;
        expect(seen).toEqual(
          Array.from({ length: 300 - start }, (_, offset) => start + 1 + offset),
        );
      });
      await journal.dispose();
    });

    it('lets a waiting reader go at once, by return and by signal', async () => {
      const journal = await open();
      await journal.create('t');
      const reader = journal.read('t', { after: 0 });
      const waiting = reader.next();
      await reader.return?.();
      expect((await waiting).done).toBe(true);
      const stop = new AbortController();
      const other = journal.read('t', { after: 0, signal: stop.signal });
      const next = other.next();
      stop.abort();
      expect((await next).done).toBe(true);
      await journal.dispose();
    });

    it('keeps batches near the size asked for, and lets one record be larger', async () => {
      const journal = await open();
      await journal.append(
        't',
        Array.from({ length: 10 }, () => record('x'.repeat(1_000))),
      );
      const sizes: number[] = [];
      for await (const items of journal.read('t', { after: 0, follow: false, batchBytes: 2_500 }))
        sizes.push(items.length);
      expect(sizes).toEqual([2, 2, 2, 2, 2]);
      const single: number[] = [];
      for await (const items of journal.read('t', { after: 0, follow: false, batchBytes: 10 }))
        single.push(items.length);
      expect(single).toEqual(Array.from({ length: 10 }, () => 1));
      await journal.dispose();
    });

    it('keeps the order of appends that are made at once', async () => {
      const journal = await open();
      await Promise.all(
        Array.from({ length: 200 }, (_, index) => journal.append('t', [record(String(index))])),
      );
      expect(await all(journal, 't')).toEqual(
        Array.from({ length: 200 }, (_, index) => String(index)),
      );
      await journal.dispose();
    });

    it('drops the oldest beyond its bytes, and says so to who comes too late', async () => {
      const journal = await open({ retainBytes: 6 * 2 ** 20 });
      for (let index = 0; index < 16; index += 1)
        await journal.append('t', [record('y'.repeat(2 ** 20))]);
      const info = await journal.info('t');
      expect(info?.first).toBeGreaterThan(1);
      expect(() => journal.read('t', { after: 0 })).toThrow(
        expect.objectContaining({ code: 'CURSOR_EXPIRED', details: { earliest: info?.first } }),
      );
      expect((await all(journal, 't', (info?.first ?? 1) - 1)).length).toBe(
        16 - (info?.first ?? 1) + 1,
      );
      await journal.dispose();
    });

    it('keeps topics with any name apart, and forgets one that is removed', async () => {
      const journal = await open();
      const names = [
        ...['', 'a', 'a/b', '../a', '~a', '%7ea', 'ä:*', '\ud800', '\ud801', '.seed'],
        ...['x'.repeat(300), `${'x'.repeat(300)}y`],
      ];
      for (const name of names) await journal.append(name, [record(name)]);
      for (const name of names) expect(await all(journal, name)).toEqual([name.toWellFormed()]);
      for (const name of names) await journal.remove(name);
      for (const name of names) expect(await journal.info(name)).toBeNull();
      await journal.dispose();
    });

    it('lets the readers of a topic that is removed go: at its end they finish, behind it they hear why', async () => {
      const journal = await open();
      await journal.append('t', [record('a'), record('b')]);
      const done = journal.read('t', { after: 2 });
      const behind = journal.read('t', { after: 0, batchBytes: 1 });
      const waiting = done.next();
      await behind.next();
      await journal.remove('t');
      expect((await waiting).done).toBe(true);
      await expect(behind.next()).rejects.toMatchObject({ code: 'CURSOR_EXPIRED' });
      await journal.dispose();
    });

    it('refuses what is too large for a record, and keeps its place', async () => {
      const journal = await open();
      await journal.append('t', [record('a')]);
      const large = { ...record('b'), bytes: new Uint8Array(2 ** 20 + 1) };
      await expect(journal.append('t', [record('c'), large])).rejects.toMatchObject({
        code: 'TOO_LARGE',
      });
      expect(await journal.append('t', [])).toBe(1);
      expect(await journal.append('t', [record('d')])).toBe(2);
      expect(await all(journal, 't')).toEqual(['a', 'd']);
      await journal.dispose();
    });

    it('keeps records of every size, together and alone', async () => {
      const journal = await open();
      const sizes = [0, 1, 8_191, 8_192, 8_193, 65_536, 3, 2 ** 20, 0];
      const record = (size: number) => ({
        at: 1,
        kind: 'stdout',
        meta: null,
        bytes: Buffer.alloc(size, size % 251),
      });
      await journal.append('t', sizes.map(record));
      for (const size of sizes) await journal.append('t', [record(size)]);
      const seen: string[] = [];
      for await (const items of journal.read('t', { after: 0, follow: false }))
        for (const item of items)
          if (!('gap' in item))
            seen.push(`${item.bytes.length} of ${item.bytes[0]} and ${item.bytes.at(-1)}`);
      const told = sizes.map((size) =>
        size ? `${size} of ${size % 251} and ${size % 251}` : '0 of undefined and undefined',
      );
      expect(seen).toEqual([...told, ...told]);
      await journal.dispose();
    });
  });
};
