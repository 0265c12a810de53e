import { AppError } from '../errors.ts';
import type { Cursors } from '../journal/cursor.ts';
import type { Journal, JournalItem } from '../journal/journal.ts';
import type { Process } from '../store/types/process.ts';
import { type At, type GapEvent, type ProcessEvent, toEvents, trimmedGap } from './output-events.ts';
import { topicOf } from './records.ts';

export type OutputPage = {
  events: ProcessEvent[];
  cursor: string | null;
  more: boolean;
  ended: boolean;
};

type Owner = Pick<Process, 'id' | 'tenant' | 'endedAt'>;

export type OutputReader = {
  /** Replay, then live, until the exit. `CURSOR_EXPIRED` and `BAD_CURSOR` at once; later trims become gaps. */
  follow(
    process: Owner,
    after: string | null,
    signal: AbortSignal,
  ): Promise<AsyncIterableIterator<ProcessEvent>>;
  /** The same events, as many as are there now and fit in about `bytes`. */
  page(process: Owner, after: string | null, bytes: number): Promise<OutputPage>;
};

const lastSeq = (items: readonly JournalItem[], before: number): number => {
  const last = items.at(-1);
  if (!last) return before;
  return 'gap' in last ? last.to : last.seq;
};

const once = async function* (event: ProcessEvent): AsyncIterableIterator<ProcessEvent> {
  yield event;
};

export const createOutputReader = ({
  journal,
  cursors,
}: {
  journal: Journal;
  cursors: Cursors;
}): OutputReader => {
  // Readers at the same place get the same batch from the journal; they share what is made of it.
  const made = new WeakMap<readonly JournalItem[], ProcessEvent[]>();
  const eventsOf = (items: JournalItem[], at: At): ProcessEvent[] => {
    const events = made.get(items) ?? toEvents(items, at);
    made.set(items, events);
    return events;
  };

  /** A process and the places in its journal. */
  const streamOf = ({ id, tenant }: Owner) => {
    const topic = topicOf(id);
    const at: At = (seq) => cursors.encode(tenant, topic, seq, journal.id);
    const firstOf = async (): Promise<number> => (await journal.info(topic))?.first ?? 1;
    /** The same failure with a cursor in place of a number. */
    const expired = async (error: unknown): Promise<unknown> => {
      if (!(error instanceof AppError) || error.code !== 'CURSOR_EXPIRED') return error;
      return new AppError(
        'CURSOR_EXPIRED',
        'The output after this cursor is no longer kept here. Go on with `details.earliest`; what lies between is lost.',
        { details: { earliest: at((await firstOf()) - 1) } },
      );
    };
    const start = async (after: string | null): Promise<number> => {
      if (after === null) return (await firstOf()) - 1;
      try {
        return cursors.decode(tenant, topic, after, journal.id);
      } catch (error) {
        throw await expired(error);
      }
    };
    return { topic, at, firstOf, expired, start };
  };
  type Stream = ReturnType<typeof streamOf>;

  /** A journal is kept for less long than the row of its process, which tells of the exit. */
  const isRemoved = async ({ endedAt }: Owner, { topic }: Stream): Promise<boolean> =>
    endedAt !== null && (await journal.info(topic)) === null;
  const removed = ({ at }: Stream): GapEvent => trimmedGap(at, 1, 1);

  return {
    async follow(process, after, signal) {
      const stream = streamOf(process);
      if (await isRemoved(process, stream)) return once(removed(stream));
      const { topic, at, firstOf, expired, start } = stream;
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
        if (!(error instanceof AppError) || error.code !== 'CURSOR_EXPIRED') throw error;
        const from = place + 1;
        place = (await firstOf()) - 1;
        batches = journal.read(topic, { after: place, signal });
        return trimmedGap(at, from, place);
      };
      // Hand-written: a generator would take three turns of the microtask queue more for each event, and there are thousands of readers.
      return {
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
    },
    async page(process, after, bytes) {
      const stream = streamOf(process);
      const { topic, at, expired, start } = stream;
      if (await isRemoved(process, stream)) {
        const gap = removed(stream);
        return { events: [gap], cursor: gap.cursor, more: false, ended: true };
      }
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
