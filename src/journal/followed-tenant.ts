import { AppError, type ErrorCode } from '../errors.ts';
import { coalesce } from '../lib/coalesce.ts';
import type { EventBody, EventLog, StoredEvent } from '../store/types/event-log.ts';

export type Batch<Event> = { last: number; events: readonly Event[] };

export type Follower<Event> = {
  /** What follows `position`, as soon as there is something; null after `leave` or an abort. */
  next(position: number): Promise<Batch<Event> | null>;
  leave(): void;
};

/** An event carries labels, up to some hundred thousand bytes of them. */
const PAGE = 100;
const MAX_TAIL = 200;
const REREAD: readonly ErrorCode[] = ['CURSOR_EXPIRED', 'BAD_CURSOR'];

/** The one reader of a tenant's events, for all its subscriptions on this server. */
export type FollowedTenant<Event> = {
  /** The highest seq that was seen. */
  readonly last: number;
  /** Reads what is new and wakes those that wait. Calls while it reads make it read once more. */
  look(): Promise<void>;
  join(signal: AbortSignal): Follower<Event>;
};

export const followTenant = <Body extends EventBody, Event>({
  log,
  tenant,
  from,
  toEvent,
  onEmpty,
}: {
  log: EventLog<Body>;
  tenant: string;
  /** The highest seq, as it was a moment ago. */
  from: number;
  toEvent: (stored: StoredEvent<Body>) => Event;
  /** The last follower has left. */
  onEmpty: () => void;
}): FollowedTenant<Event> => {
  /** Readers behind it read, others wait. */
  let last = from;
  /** The newest events, without a hole: readers at the end share them and ask the database nothing. */
  let tail: { seq: number; event: Event }[] = [];
  let readers = 0;
  const waiters = new Set<() => void>();
  /** Pages under way, by the seq they follow: readers that replay together share them. */
  const pages = new Map<number, Promise<Batch<Event>>>();

  const wake = (): void => {
    const waiting = [...waiters];
    waiters.clear();
    for (const waiter of waiting) waiter();
  };
  const take = async (): Promise<void> => {
    for (;;) {
      const rows = await log.after(tenant, last, PAGE);
      for (const row of rows) tail.push({ seq: row.seq, event: toEvent(row) });
      if (tail.length > MAX_TAIL) tail.splice(0, tail.length - PAGE);
      last = rows.at(-1)?.seq ?? last;
      if (rows.length) wake();
      if (rows.length < PAGE) return;
    }
  };
  const takeOrSkip = async (): Promise<void> => {
    try {
      await take();
    } catch (error) {
      if (!(error instanceof AppError) || !REREAD.includes(error.code)) throw error;
      // Retention passed this place, or the database was set back: readers find out for themselves.
      tail = [];
      last = (await log.range(tenant)).last;
      wake();
    }
  };
  const next = async (position: number): Promise<Batch<Event>> => {
    const oldest = tail[0];
    if (oldest && oldest.seq <= position + 1) {
      const found = tail.slice(position + 1 - oldest.seq, position + 1 - oldest.seq + PAGE);
      return { last: found.at(-1)?.seq ?? position, events: found.map(({ event }) => event) };
    }
    const read = async (): Promise<Batch<Event>> => {
      const rows = await log.after(tenant, position, PAGE);
      return { last: rows.at(-1)?.seq ?? position, events: rows.map(toEvent) };
    };
    const page = pages.get(position) ?? read().finally(() => pages.delete(position));
    pages.set(position, page);
    return page;
  };

  return {
    get last() {
      return last;
    },
    look: coalesce(takeOrSkip),
    join(signal) {
      readers += 1;
      return createFollower({
        signal,
        waiters,
        isBehind: (position) => position < last,
        next,
        onNothing(position) {
          // A database that was set back: numbers that were seen are not given any more.
          last = position;
          tail = [];
        },
        onLeave() {
          readers -= 1;
          if (readers === 0) onEmpty();
        },
      });
    },
  };
};

const createFollower = <Event>({
  signal,
  waiters,
  isBehind,
  next,
  onNothing,
  onLeave,
}: {
  signal: AbortSignal;
  waiters: Set<() => void>;
  isBehind: (position: number) => boolean;
  next: (position: number) => Promise<Batch<Event>>;
  onNothing: (position: number) => void;
  onLeave: () => void;
}): Follower<Event> => {
  let left = false;
  let waiting: (() => void) | null = null;
  const leave = (): void => {
    if (left) return;
    left = true;
    signal.removeEventListener('abort', leave);
    onLeave();
    waiting?.();
  };
  const wait = (): Promise<void> =>
    new Promise((resolve) => {
      const settle = (): void => {
        waiters.delete(settle);
        waiting = null;
        resolve();
      };
      waiting = settle;
      waiters.add(settle);
    });
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
  return {
    async next(position) {
      while (!left) {
        if (!isBehind(position)) {
          await wait();
          continue;
        }
        const batch = await next(position);
        if (left) break;
        if (batch.events.length) return batch;
        onNothing(position);
      }
      return null;
    },
    leave,
  };
};
