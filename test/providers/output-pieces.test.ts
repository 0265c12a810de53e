import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { openOutput } from '../../src/providers/complete/output.ts';
import { PIECE_BYTES, vendorPositionOf } from '../../src/providers/complete/pieces.ts';
import { LOST, type OutputChunk, type OutputLost } from '../../src/providers/types/process.ts';

const log = pino({ level: 'silent' });
type Item = OutputChunk | OutputLost;
const whole = Buffer.alloc(
  5 * PIECE_BYTES + 11,
  Buffer.from(Array.from({ length: 251 }, (_, n) => n)),
);

/** A vendor that delivers what follows a position in chunks that it cuts as it likes. */
const open = (cuts: readonly number[], after: number) => {
  const chunks: OutputChunk[] = [];
  const from = vendorPositionOf(after);
  let last = from;
  for (const end of [...cuts, whole.length]) {
    if (end <= from) continue;
    chunks.push({
      kind: 'output',
      stream: 'stdout',
      bytes: whole.subarray(last, end),
      position: end,
    });
    last = end;
  }
  const output = (async function* () {
    yield* chunks;
  })();
  const process = { ref: 'r', pid: null, output, exit: Promise.resolve(LOST) };
  return openOutput(process, { after, isReplayed: true, log }).output;
};
/** Until `count` pieces are recorded. */
const take = async (output: AsyncIterable<Item>, count: number): Promise<Item[]> => {
  const items: Item[] = [];
  for await (const item of output) {
    items.push(item);
    if (items.length === count) break;
  }
  return items;
};
const bytesOf = (items: readonly Item[]): Buffer =>
  Buffer.concat(items.map((item) => (item.kind === 'output' ? item.bytes : Buffer.from('<lost>'))));

describe('output that a vendor delivers again', () => {
  const oneChunk: number[] = [];
  const small = Array.from({ length: 60 }, (_, index) => (index + 1) * 20_000);

  it.each([1, 2, 3, 5, 6])(
    'goes on in the middle of a chunk of which %i pieces are recorded',
    async (count) => {
      const first = await take(open(oneChunk, 0), count);
      expect(first).toHaveLength(count);
      const rest = await take(
        open(oneChunk, first.at(-1)?.position ?? 0),
        Number.POSITIVE_INFINITY,
      );
      expect(bytesOf([...first, ...rest]).equals(whole)).toBe(true);
      const positions = [...first, ...rest].map(({ position }) => position);
      expect(positions).toEqual(positions.toSorted((a, b) => a - b));
      expect(new Set(positions).size).toBe(positions.length);
    },
  );

  it.each([1, 3])(
    'goes on behind %i pieces also when the vendor now cuts elsewhere',
    async (count) => {
      const first = await take(open(oneChunk, 0), count);
      const rest = await take(open(small, first.at(-1)?.position ?? 0), Number.POSITIVE_INFINITY);
      expect(bytesOf([...first, ...rest]).equals(whole)).toBe(true);
    },
  );

  it('skips nothing behind output that was told to be lost', async () => {
    const failing = (async function* () {
      yield { kind: 'output', stream: 'stdout', bytes: whole.subarray(0, 7), position: 7 } as const;
      throw new Error('broken pipe');
    })();
    const process = { ref: 'r', pid: null, output: failing, exit: Promise.resolve(LOST) };
    const options = { after: 0, isReplayed: true, log };
    const items = await take(openOutput(process, options).output, Number.POSITIVE_INFINITY);
    expect(items.map(({ kind }) => kind)).toEqual(['output', 'lost']);
    const position = items.at(-1)?.position ?? 0;
    expect(position).toBeGreaterThan(7);
    const rest = await take(open([7], position), Number.POSITIVE_INFINITY);
    expect(bytesOf(rest).equals(whole.subarray(7))).toBe(true);
  });
});
