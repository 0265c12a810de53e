import { AppError } from '../errors.ts';
import type { Cursors } from '../journal/cursor.ts';
import type { Journal, JournalItem, JournalRecord } from '../journal/journal.ts';
import type { OutputStream, ProcessExit } from '../providers/types/process.ts';
import { type ExitState, exitOf, isOutput, stateOf, textOf, topicOf } from './records.ts';

export type OutputEvent = {
  kind: 'output';
  cursor: string;
  at: number;
  stream: OutputStream;
  bytes: Uint8Array;
  readonly text: string;
};
export type ExitEvent = Omit<ProcessExit, 'kind'> & {
  kind: ExitState;
  event: 'exit';
  cursor: string;
  at: number;
};
export type GapEvent = { kind: 'gap'; cursor: string; from: number; to: number; reason: string };
export type ProcessEvent = OutputEvent | ExitEvent | GapEvent;

/** Consecutive output of one stream travels as one event of about this size. */
const EVENT_BYTES = 64 * 1024;

type At = (seq: number) => string;

const outputEvent = (
  records: JournalRecord[],
  stream: OutputStream,
  cursor: string,
): OutputEvent => {
  const [only] = records;
  let text: string | undefined;
  return {
    kind: 'output',
    cursor,
    at: only?.at ?? 0,
    stream,
    bytes:
      records.length === 1 && only ? only.bytes : Buffer.concat(records.map(({ bytes }) => bytes)),
    get text() {
      text ??= records.map(textOf).join('');
      return text;
    },
  };
};

const toEvents = (items: readonly JournalItem[], at: At): ProcessEvent[] => {
  const events: ProcessEvent[] = [];
  let group: JournalRecord[] = [];
  let size = 0;
  const flush = (): void => {
    const last = group.at(-1);
    if (last) events.push(outputEvent(group, last.kind as OutputStream, at(last.seq)));
    group = [];
    size = 0;
  };
  for (const item of items) {
    if ('gap' in item) {
      flush();
      events.push({
        kind: 'gap',
        cursor: at(item.to),
        from: item.from,
        to: item.to,
        reason: 'These records are damaged on disk.',
      });
    } else if (isOutput(item.kind)) {
      if (group[0] && (group[0].kind !== item.kind || size + item.bytes.length > EVENT_BYTES))
        flush();
      group.push(item);
      size += item.bytes.length;
    } else {
      flush();
      if (item.kind === 'exited')
        events.push({
          ...exitOf(item),
          kind: stateOf(exitOf(item)),
          event: 'exit',
          cursor: at(item.seq),
          at: item.at,
        });
      else
        events.push({
          kind: 'gap',
          cursor: at(item.seq),
          from: item.seq,
          to: item.seq,
          reason: String((item.meta as { reason?: string }).reason ?? 'The provider lost output.'),
        });
    }
  }
  flush();
  return events;
};

const trimmedGap = (at: At, from: number, to: number): GapEvent => ({
  kind: 'gap',
  cursor: at(to),
  from,
  to,
  reason: 'The output is older than what is kept.',
});

export type OutputPage = {
  events: ProcessEvent[];
  cursor: string | null;
  more: boolean;
  ended: boolean;
};

export type OutputReader = {
  /** Replay, then live, until the exit. `CURSOR_EXPIRED` and `BAD_CURSOR` at once; later trims become gaps. */
  follow(
    tenant: string,
    processId: string,
    after: string | null,
    signal: AbortSignal,
  ): Promise<AsyncIterableIterator<ProcessEvent>>;
  /** The same events, as many as are there now and fit in about `bytes`. */
  page(tenant: string, processId: string, after: string | null, bytes: number): Promise<OutputPage>;
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

  const start = async (tenant: string, topic: string, after: string | null): Promise<number> => {
    if (after === null) return ((await journal.info(topic))?.first ?? 1) - 1;
    return cursors.decode(tenant, topic, after);
  };
  const expired = (tenant: string, topic: string, error: unknown): unknown => {
    if (!(error instanceof AppError) || error.code !== 'CURSOR_EXPIRED') return error;
    const earliest = cursors.encode(tenant, topic, Number(error.details.earliest) - 1);
    return new AppError(
      'CURSOR_EXPIRED',
      'The output after this cursor is no longer kept. Go on with `details.earliest`; what lies between is lost.',
      { details: { earliest } },
    );
  };

  return {
    async follow(tenant, processId, after, signal) {
      const topic = topicOf(processId);
      const at: At = (seq) => cursors.encode(tenant, topic, seq);
      let place = await start(tenant, topic, after);
      const trimmedBefore = after === null && place > 0;
      const open = () => {
        try {
          return journal.read(topic, { after: place, signal });
        } catch (error) {
          throw expired(tenant, topic, error);
        }
      };
      let batches = open();
      let events: readonly ProcessEvent[] = trimmedBefore ? [trimmedGap(at, 1, place)] : [];
      let index = 0;
      const fallen = async (error: unknown): Promise<ProcessEvent> => {
        if (!(error instanceof AppError) || error.code !== 'CURSOR_EXPIRED') throw error;
        const from = place + 1;
        place = ((await journal.info(topic))?.first ?? from) - 1;
        batches = open();
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
              const last = items?.at(-1);
              if (!last) return { done: true, value: undefined };
              place = 'gap' in last ? last.to : last.seq;
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
    async page(tenant, processId, after, bytes) {
      const topic = topicOf(processId);
      const place = await start(tenant, topic, after);
      try {
        for await (const items of journal.read(topic, {
          after: place,
          follow: false,
          batchBytes: bytes,
        })) {
          const events = eventsOf(items, (seq) => cursors.encode(tenant, topic, seq));
          const last = items.at(-1);
          const info = await journal.info(topic);
          const seq = last ? ('gap' in last ? last.to : last.seq) : place;
          return {
            events,
            cursor: cursors.encode(tenant, topic, seq),
            more: seq < (info?.last ?? seq),
            ended: info?.ended ?? true,
          };
        }
      } catch (error) {
        throw expired(tenant, topic, error);
      }
      return {
        events: [],
        cursor: after,
        more: false,
        ended: (await journal.info(topic))?.ended ?? true,
      };
    },
  };
};
