import { AppError } from '../errors.ts';
import type { JournalItem, ReadOptions } from './journal.ts';
import type { Kept } from './record.ts';

/** One topic as its readers see it, whatever keeps its records. */
export type Followed = {
  first: number;
  last: number;
  ended: boolean;
  /** Readers that have not finished. */
  readers: number;
  /** Those of them that wait; all are called, once, at the next append, end or removal. */
  waiters: Set<() => void>;
  /** The newest records, in order and without a hole, so that live readers share them and touch no disk. */
  tail: Kept[];
  tailBytes: number;
  /** The batch given last: readers at the same place get the same array, and what they compute of it can be shared. */
  batch: { after: number; last: number; limit: number; items: JournalItem[] } | null;
};

const TAIL_BYTES = 256 * 1024;
const BATCH_BYTES = 256 * 1024;
/** The last record of a topic that nobody reads is kept when it is this small: writers ask for it. */
const SMALL = 4 * 1024;

export const newFollowed = (): Followed => ({
  first: 1,
  last: 0,
  ended: false,
  readers: 0,
  waiters: new Set(),
  tail: [],
  tailBytes: 0,
  batch: null,
});

export const wake = (topic: Followed): void => {
  if (topic.waiters.size === 0) return;
  const waiting = [...topic.waiters];
  topic.waiters.clear();
  for (const waiter of waiting) waiter();
};

/** A record's bytes are a view of all that was appended with it, which may be a thousand times as much. */
const alone = ({ record, size }: Kept): Kept => ({
  record:
    record.bytes.buffer.byteLength > 4 * SMALL
      ? { ...record, bytes: Uint8Array.from(record.bytes) }
      : record,
  size,
});

/** What nobody reads takes no memory: thousands of topics are written at once, few are followed. */
const shrink = (topic: Followed): void => {
  const last = topic.tail.at(-1);
  topic.tail = last && last.size <= SMALL ? [alone(last)] : [];
  topic.tailBytes = topic.tail[0]?.size ?? 0;
  topic.batch = null;
};

/** The topic is removed: readers at its end finish, those behind it hear that the rest is gone. */
export const forget = (topic: Followed): void => {
  topic.ended = true;
  topic.first = topic.last + 1;
  wake(topic);
};

export const remember = (topic: Followed, kept: Kept[]): void => {
  for (const one of kept) {
    topic.tail.push(one);
    topic.tailBytes += one.size;
    topic.last = one.record.seq;
  }
  if (topic.readers === 0) shrink(topic);
  if (topic.tailBytes <= TAIL_BYTES) return;
  // Down to half, so that the copy is paid once in many appends.
  let drop = 0;
  while (topic.tailBytes > TAIL_BYTES / 2 && drop < topic.tail.length - 1)
    topic.tailBytes -= topic.tail[drop++]?.size ?? 0;
  topic.tail = topic.tail.slice(drop);
};

/** From `start` as many as fit in `limit`, at least one. */
export const takeKept = (kept: readonly Kept[], start: number, limit: number): JournalItem[] => {
  const items: JournalItem[] = [];
  let size = 0;
  for (let index = start; index < kept.length; index += 1) {
    const one = kept[index];
    if (!one || (items.length > 0 && size + one.size > limit)) break;
    items.push(one.record);
    size += one.size;
  }
  return items;
};

const expired = (first: number): AppError =>
  new AppError(
    'CURSOR_EXPIRED',
    `The stream no longer holds what follows this cursor; its earliest record is ${first}. Read from the start, and expect a gap.`,
    { details: { earliest: first } },
  );

const takeBatch = (
  topic: Followed,
  after: number,
  limit: number,
  load: (after: number, limit: number) => JournalItem[],
): JournalItem[] => {
  if (after + 1 < topic.first) throw expired(topic.first);
  const { batch, last } = topic;
  if (batch && batch.after === after && batch.last === last && batch.limit === limit)
    return batch.items;
  const oldest = topic.tail[0]?.record.seq ?? Number.POSITIVE_INFINITY;
  const items =
    oldest <= after + 1 ? takeKept(topic.tail, after + 1 - oldest, limit) : load(after, limit);
  topic.batch = { after, last, limit, items };
  return items;
};

/**
 * A reader that pulls. Hand-written rather than a generator: `return()` on a generator that waits is queued behind the wait.
 * `load` reads what the tail no longer holds.
 */
export const follow = (
  topic: Followed,
  { after, follow: live = true, signal, batchBytes = BATCH_BYTES }: ReadOptions,
  load: (after: number, limit: number) => JournalItem[],
): AsyncIterableIterator<JournalItem[]> => {
  const end = { done: true, value: undefined } as const;
  let position = after;
  let stopped = false;
  let waiting: { promise: Promise<void>; resolve: () => void } | null = null;

  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    signal?.removeEventListener('abort', stop);
    if (waiting) {
      topic.waiters.delete(waiting.resolve);
      waiting.resolve();
    }
    topic.readers -= 1;
    if (topic.readers === 0) shrink(topic);
  };
  /** One wait for all calls of `next()` that are under way. */
  const wait = (): Promise<void> => {
    if (waiting) return waiting.promise;
    const { promise, resolve } = Promise.withResolvers<void>();
    const settle = (): void => {
      waiting = null;
      resolve();
    };
    waiting = { promise, resolve: settle };
    topic.waiters.add(settle);
    return promise;
  };

  topic.readers += 1;
  if (signal?.aborted) stop();
  else signal?.addEventListener('abort', stop, { once: true });

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        while (!stopped) {
          if (position < topic.last) {
            const items = takeBatch(topic, position, batchBytes, load);
            const last = items.at(-1);
            if (!last) break;
            position = 'gap' in last ? last.to : last.seq;
            return { done: false, value: items };
          }
          if (topic.ended || !live) break;
          await wait();
        }
      } catch (error) {
        // `for await` does not call return() after next() has thrown.
        stop();
        throw error;
      }
      stop();
      return end;
    },
    async return() {
      stop();
      return end;
    },
  };
};

/** Checks a place against the topic before anything is delivered. */
export const checkPlace = (topic: Followed, after: number): void => {
  if (!Number.isSafeInteger(after) || after < 0 || after > topic.last) {
    throw new AppError(
      'BAD_CURSOR',
      'The cursor is ahead of the stream. Use the `cursor` of an event of this stream.',
    );
  }
  if (after + 1 < topic.first) throw expired(topic.first);
};
