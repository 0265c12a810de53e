import type { JournalItem } from '../journal/journal.ts';
import type { Process } from '../store/types/process.ts';
import { closeAsRow } from './close.ts';
import { type At, type ProcessEvent, toEvents, trimmedGap } from './output-events.ts';
import { isExpired, type Parts, streamOf } from './output-stream.ts';
import { notTakenUp } from './wait-for-exit.ts';

export type OutputPage = {
  events: ProcessEvent[];
  cursor: string | null;
  more: boolean;
  ended: boolean;
};

export type OutputReader = {
  /** Replay, then live, until the exit. `CURSOR_EXPIRED` and `BAD_CURSOR` at once; later trims become gaps. */
  follow(
    process: Process,
    after: string | null,
    signal: AbortSignal,
  ): Promise<AsyncIterableIterator<ProcessEvent>>;
  /** The same events, as many as are there now and fit in about `bytes`. */
  page(process: Process, after: string | null, bytes: number): Promise<OutputPage>;
};

const lastSeq = (items: readonly JournalItem[], before: number): number => {
  const last = items.at(-1);
  if (!last) return before;
  return 'gap' in last ? last.to : last.seq;
};

const each = async function* (events: ProcessEvent[]): AsyncGenerator<ProcessEvent, undefined> {
  yield* events;
};

export const createOutputReader = (
  parts: Parts & { isRecorded: (id: string) => boolean },
): OutputReader => {
  const { journal, isRecorded } = parts;
  const open = async (process: Process) => {
    // One that another server recorded to its end would be followed for ever here.
    if (process.endedAt !== null && !isRecorded(process.id)) await closeAsRow(journal, process);
    const stream = streamOf(parts, process);
    // It was taken over a moment ago, or is being started.
    if (process.endedAt === null && (await journal.info(stream.topic)) === null)
      throw notTakenUp(process.id);
    return stream;
  };
  // Readers at the same place get the same batch from the journal; they share what is made of it.
  const made = new WeakMap<readonly JournalItem[], ProcessEvent[]>();
  const eventsOf = (items: JournalItem[], at: At): ProcessEvent[] => {
    const events = made.get(items) ?? toEvents(items, at);
    made.set(items, events);
    return events;
  };

  return {
    async follow(process, after, signal) {
      const { topic, at, firstOf, expired, start, fromRow } = await open(process);
      const told = await fromRow(after);
      if (told) return each(told);
      let place = await start(after);
      const trimmedBefore = after === null && place > 0;
      let batches: AsyncIterableIterator<JournalItem[]>;
      try {
        batches = journal.read(topic, { after: place, signal });
      } catch (error) {
        throw await expired(error);
      }
      let events: readonly ProcessEvent[] = trimmedBefore ? [trimmedGap(at, 1, place)] : [];
      let index = 0;
      const fallen = async (error: unknown): Promise<ProcessEvent> => {
        if (!isExpired(error)) throw error;
        const from = place + 1;
        place = (await firstOf()) - 1;
        batches = journal.read(topic, { after: place, signal });
        return trimmedGap(at, from, place);
      };
      // Hand-written: a generator would take three turns of the microtask queue more for each event, and there are thousands of readers.
      const reader: AsyncIterableIterator<ProcessEvent> = {
        [Symbol.asyncIterator]() {
          return this;
        },
        async next() {
          if (index >= events.length) {
            try {
              const { value: items } = await batches.next();
              if (!items) return { done: true, value: undefined };
              place = lastSeq(items, place);
              events = eventsOf(items, at);
              index = 0;
            } catch (error) {
              return { done: false, value: await fallen(error) };
            }
          }
          return { done: false, value: events[index++] as ProcessEvent };
        },
        async return() {
          await batches.return?.();
          return { done: true, value: undefined };
        },
      };
      return reader;
    },
    async page(process, after, bytes) {
      const { topic, at, expired, start, fromRow } = await open(process);
      const told = await fromRow(after);
      if (told)
        return { events: told, cursor: told.at(-1)?.cursor ?? after, more: false, ended: true };
      const place = await start(after);
      const before = after === null && place > 0 ? [trimmedGap(at, 1, place)] : [];
      let items: JournalItem[] = [];
      try {
        const batches = journal.read(topic, { after: place, follow: false, batchBytes: bytes });
        items = (await batches.next()).value ?? [];
        await batches.return?.();
      } catch (error) {
        throw await expired(error);
      }
      const info = await journal.info(topic);
      const seq = lastSeq(items, place);
      return {
        events: [...before, ...eventsOf(items, at)],
        cursor: items.length || before.length ? at(seq) : after,
        more: seq < (info?.last ?? seq),
        ended: info?.ended ?? true,
      };
    },
  };
};
