import { AppError, type ErrorCode } from '../errors.ts';
import type { EventBody, EventLog, StoredEvent } from '../store/types/event-log.ts';

type Batch<Event> = { last: number; events: readonly Event[] };

type Followed<Event> = {
  /** The highest seq that was seen. Readers behind it read, others wait. */
  last: number;
  /** The newest events, without a hole: readers at the end share them and ask the database nothing. */
  tail: { seq: number; event: Event }[];
  readers: number;
  waiters: Set<() => void>;
  /** Looking for new events, and told of more meanwhile. */
  looking: boolean;
  again: boolean;
  /** Pages under way, by the seq they follow: readers that replay together share them. */
  pages: Map<number, Promise<Batch<Event>>>;
};

export type Follower<Event> = {
  /** What follows `position`, as soon as there is something; null after `leave` or an abort. */
  next(position: number): Promise<Batch<Event> | null>;
  leave(): void;
};

const POLL_MS = 500;
/** An event carries labels, up to some hundred thousand bytes of them. */
const PAGE = 100;
const MAX_TAIL = 200;
const TENANTS_AT_ONCE = 500;
const REREAD: readonly ErrorCode[] = ['CURSOR_EXPIRED', 'BAD_CURSOR'];

/**
 * One reader of the database per followed tenant, however many subscriptions it has: woken by commits of this server, and by one query
 * twice a second for those of others.
 */
export const createFollowedTenants = <Body extends EventBody, Event>({
  log,
  toEvent,
  onError,
}: {
  log: EventLog<Body>;
  toEvent: (tenant: string, stored: StoredEvent<Body>) => Event;
  onError: (error: unknown) => void;
}) => {
  const tenants = new Map<string, Followed<Event>>();

  const wake = ({ waiters }: Followed<Event>): void => {
    const waiting = [...waiters];
    waiters.clear();
    for (const waiter of waiting) waiter();
  };

  const take = async (tenant: string, followed: Followed<Event>): Promise<void> => {
    for (;;) {
      const rows = await log.after(tenant, followed.last, PAGE);
      for (const row of rows) followed.tail.push({ seq: row.seq, event: toEvent(tenant, row) });
      if (followed.tail.length > MAX_TAIL) followed.tail.splice(0, followed.tail.length - PAGE);
      followed.last = rows.at(-1)?.seq ?? followed.last;
      if (rows.length) wake(followed);
      if (rows.length < PAGE) return;
    }
  };
  const look = async (tenant: string, followed: Followed<Event>): Promise<void> => {
    followed.again = followed.looking;
    if (followed.looking) return;
    followed.looking = true;
    try {
      do {
        followed.again = false;
        await take(tenant, followed);
      } while (followed.again && followed.readers > 0);
    } catch (error) {
      if (!(error instanceof AppError) || !REREAD.includes(error.code)) throw error;
      // Retention passed this place, or the database was set back: readers find out for themselves.
      followed.tail = [];
      followed.last = (await log.range(tenant)).last;
      wake(followed);
    } finally {
      followed.looking = false;
    }
  };
  const lookSafely = (tenant: string, followed: Followed<Event>): void =>
    void look(tenant, followed).catch(onError);

  let polling = false;
  const poll = async (): Promise<void> => {
    if (polling) return;
    polling = true;
    try {
      const names = [...tenants.keys()];
      for (let start = 0; start < names.length; start += TENANTS_AT_ONCE) {
        const latest = await log.latest(names.slice(start, start + TENANTS_AT_ONCE));
        for (const [tenant, last] of latest) {
          const followed = tenants.get(tenant);
          if (followed && followed.last < last) lookSafely(tenant, followed);
        }
      }
    } finally {
      polling = false;
    }
  };
  const timer = setInterval(() => {
    if (tenants.size > 0) poll().catch(onError);
  }, POLL_MS).unref();
  const unsubscribe = log.onAppended((tenant) => {
    const followed = tenants.get(tenant);
    if (followed) lookSafely(tenant, followed);
  });

  const pageAfter = (
    tenant: string,
    followed: Followed<Event>,
    position: number,
  ): Promise<Batch<Event>> => {
    const known = followed.pages.get(position);
    if (known !== undefined) return known;
    const page = (async () => {
      const rows = await log.after(tenant, position, PAGE);
      return {
        last: rows.at(-1)?.seq ?? position,
        events: rows.map((row) => toEvent(tenant, row)),
      };
    })().finally(() => followed.pages.delete(position));
    followed.pages.set(position, page);
    return page;
  };
  const fromTail = ({ tail }: Followed<Event>, position: number): Batch<Event> | null => {
    const oldest = tail[0];
    if (!oldest || oldest.seq > position + 1) return null;
    const found = tail.slice(position + 1 - oldest.seq, position + 1 - oldest.seq + PAGE);
    return { last: found.at(-1)?.seq ?? position, events: found.map(({ event }) => event) };
  };

  const enter = (tenant: string, last: number): Followed<Event> => {
    const known = tenants.get(tenant);
    if (known) return known;
    const made: Followed<Event> = {
      ...{ last, tail: [], readers: 0, waiters: new Set<() => void>() },
      ...{ looking: false, again: false, pages: new Map() },
    };
    tenants.set(tenant, made);
    return made;
  };

  return {
    /** `last`: the highest seq of the tenant, as it was a moment ago. */
    join(tenant: string, last: number, signal: AbortSignal): Follower<Event> {
      const followed = enter(tenant, last);
      followed.readers += 1;
      if (followed.readers === 1) lookSafely(tenant, followed);
      let left = false;
      let waiting: (() => void) | null = null;
      const leave = (): void => {
        if (left) return;
        left = true;
        signal.removeEventListener('abort', leave);
        followed.readers -= 1;
        if (followed.readers === 0) tenants.delete(tenant);
        waiting?.();
      };
      const wait = (): Promise<void> =>
        new Promise((resolve) => {
          const settle = (): void => {
            followed.waiters.delete(settle);
            waiting = null;
            resolve();
          };
          waiting = settle;
          followed.waiters.add(settle);
        });
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
      return {
        async next(position) {
          while (!left) {
            if (position >= followed.last) {
              await wait();
              continue;
            }
            const batch =
              fromTail(followed, position) ?? (await pageAfter(tenant, followed, position));
            if (left) break;
            if (batch.events.length) return batch;
            // A database that was set back: numbers that were seen are not given any more.
            followed.last = position;
            followed.tail = [];
          }
          return null;
        },
        leave,
      };
    },
    dispose() {
      clearInterval(timer);
      unsubscribe();
    },
  };
};
