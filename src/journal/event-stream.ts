import { AppError } from '../errors.ts';
import type { EventBody, EventLog, StoredEvent } from '../store/types/event-log.ts';
import type { Cursors } from './cursor.ts';
import { createFollowedTenants } from './followed-tenants.ts';

export type EventStream<Event> = {
  /**
   * All that is kept, or what came after a cursor, then live with no seam, in batches that are the same objects for all readers at the
   * same place. `BAD_CURSOR` and `CURSOR_EXPIRED { earliest }` at once; a reader that falls behind retention meets the latter later.
   */
  read(
    tenant: string,
    after: string | null,
    signal: AbortSignal,
  ): Promise<AsyncIterableIterator<readonly Event[]>>;
  dispose(): void;
};

/** How long to wait before a page is asked for again while the database does not answer. */
const RETRY_MS = 500;

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });

/** Subscriptions to a journal of rows, on any server of the same store. */
export const createEventStream = <Body extends EventBody, Event>({
  log,
  topic,
  cursors,
  toEvent,
  advice,
  onError,
}: {
  log: EventLog<Body>;
  /** Cursors are bound to it. */
  topic: string;
  cursors: Cursors;
  toEvent: (stored: StoredEvent<Body>, cursor: string) => Event;
  /** What a client whose cursor expired does. */
  advice: string;
  onError: (error: unknown) => void;
}): EventStream<Event> => {
  const followed = createFollowedTenants({
    log,
    onError,
    toEvent: (tenant, stored: StoredEvent<Body>) =>
      toEvent(stored, cursors.encode(tenant, topic, stored.seq)),
  });

  const expired = (tenant: string, earliest: number): AppError =>
    new AppError('CURSOR_EXPIRED', `The events after this cursor are no longer kept. ${advice}`, {
      details: { earliest: cursors.encode(tenant, topic, earliest) },
    });
  const withCursor = (tenant: string, error: unknown): unknown =>
    error instanceof AppError && error.code === 'CURSOR_EXPIRED'
      ? expired(tenant, Number(error.details.earliest))
      : error;

  const placeOf = async (
    tenant: string,
    after: string | null,
  ): Promise<{ position: number; last: number }> => {
    const seq = after === null ? null : cursors.decode(tenant, topic, after);
    const { first, last } = await log.range(tenant);
    if (seq === null) return { position: first - 1, last };
    if (seq < first - 1) throw expired(tenant, first - 1);
    if (seq > last)
      throw new AppError(
        'BAD_CURSOR',
        'The cursor is ahead of the stream. Use the `cursor` of an event of this stream.',
      );
    return { position: seq, last };
  };

  return {
    async read(tenant, after, signal) {
      const place = await placeOf(tenant, after);
      let { position } = place;
      const follower = followed.join(tenant, place.last, signal);
      const next = async (): Promise<readonly Event[] | null> => {
        for (;;) {
          try {
            const batch = await follower.next(position);
            if (batch) position = batch.last;
            return batch?.events ?? null;
          } catch (error) {
            const isPassing = error instanceof AppError && error.code === 'UNAVAILABLE';
            if (!isPassing) {
              follower.leave();
              throw withCursor(tenant, error);
            }
            await sleep(RETRY_MS, signal);
          }
        }
      };
      // Hand-written rather than a generator: `return()` on a generator that waits is queued behind the wait.
      const batches: AsyncIterableIterator<readonly Event[]> = {
        [Symbol.asyncIterator]() {
          return this;
        },
        async next() {
          const value = await next();
          return value ? { done: false, value } : { done: true, value: undefined };
        },
        async return() {
          follower.leave();
          return { done: true, value: undefined };
        },
      };
      return batches;
    },
    dispose: () => followed.dispose(),
  };
};
