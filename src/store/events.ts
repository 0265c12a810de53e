import { AppError } from '../errors.ts';
import type { Database, EventTable } from './database.ts';
import { refuseNul } from './rows.ts';
import type { EventBody, EventLog, NewEvent, StoredEvent } from './types/event-log.ts';

/** SQLite binds at most 32,766 values in one statement. */
const ROWS_AT_ONCE = 500;

/** The store's own view of a log: events go into the caller's transaction, readers wake when that has been committed. */
export type OpenEventLog<Body extends EventBody> = EventLog<Body> & {
  /**
   * The last statement of a transaction, or nearly: the tenant's row in `event_heads` is taken until its end, so that events become visible
   * in the order of their numbers.
   */
  write(trx: Database, tenant: string, events: readonly NewEvent<Body>[]): Promise<void>;
  announce(tenant: string): void;
};

const expired = (first: number): AppError =>
  new AppError(
    'CURSOR_EXPIRED',
    `The events after this cursor are no longer kept; the earliest one that is kept is number ${first}.`,
    { details: { earliest: first - 1 } },
  );

export const openEventLog = <Body extends EventBody>(
  db: Database,
  table: EventTable,
): OpenEventLog<Body> => {
  const listeners = new Set<(tenant: string) => void>();

  const log: OpenEventLog<Body> = {
    async write(trx, tenant, events) {
      if (events.length === 0) return;
      const { last } = await trx
        .insertInto('event_heads')
        .values({ log: table, tenant, first: 1, last: events.length })
        .onConflict((conflict) =>
          conflict
            .columns(['log', 'tenant'])
            .doUpdateSet(({ eb }) => ({ last: eb('event_heads.last', '+', events.length) })),
        )
        .returning('last')
        .executeTakeFirstOrThrow();
      const rows = events.map(({ at, kind, meta }, index) => ({
        ...{ tenant, at, kind, meta: JSON.stringify(meta) },
        seq: Number(last) - events.length + index + 1,
      }));
      for (let start = 0; start < rows.length; start += ROWS_AT_ONCE)
        await trx
          .insertInto(table)
          .values(rows.slice(start, start + ROWS_AT_ONCE))
          .execute();
    },
    announce(tenant) {
      for (const listener of listeners) listener(tenant);
    },
    async append(tenant, events) {
      for (const { meta } of events) refuseNul(meta);
      await db.transaction().execute((trx) => log.write(trx, tenant, events));
      log.announce(tenant);
    },
    async after(tenant, seq, limit) {
      const rows = await db
        .selectFrom(table)
        .select(['seq', 'at', 'kind', 'meta'])
        .where('tenant', '=', tenant)
        .where('seq', '>', seq)
        .orderBy('seq')
        .limit(limit)
        .execute();
      // Numbers have no holes: what does not begin right behind `seq` was purged, or was never given.
      if (Number(rows[0]?.seq) !== seq + 1) {
        const { first, last } = await log.range(tenant);
        if (seq > last)
          throw new AppError(
            'BAD_CURSOR',
            'The cursor is ahead of the stream. Use the `cursor` of an event of this stream.',
          );
        if (rows.length > 0 || seq + 1 < first) throw expired(first);
      }
      return rows.map(
        ({ meta, ...row }) =>
          ({ ...row, meta: JSON.parse(meta) as object }) as unknown as StoredEvent<Body>,
      );
    },
    async range(tenant) {
      const head = await db
        .selectFrom('event_heads')
        .select(['first', 'last'])
        .where('log', '=', table)
        .where('tenant', '=', tenant)
        .executeTakeFirst();
      return head ?? { first: 1, last: 0 };
    },
    async latest(tenants) {
      if (tenants.length === 0) return new Map();
      const heads = await db
        .selectFrom('event_heads')
        .select(['tenant', 'last'])
        .where('log', '=', table)
        .where('tenant', 'in', [...tenants])
        .execute();
      return new Map(heads.map(({ tenant, last }) => [tenant, last]));
    },
    onAppended(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    purge: (before, limit) =>
      db.transaction().execute(async (trx) => {
        const old = await trx
          .selectFrom(table)
          .select(['tenant', 'seq'])
          .where('at', '<', before)
          .orderBy('at')
          .limit(limit)
          .execute();
        const tenant = old[0]?.tenant;
        if (tenant === undefined) return 0;
        // Of one tenant at a time, and from its beginning on, so that numbers keep without holes: clocks of several servers need not agree.
        const newest = Math.max(
          ...old.filter((row) => row.tenant === tenant).map(({ seq }) => seq),
        );
        const oldest = await trx
          .selectFrom(table)
          .select('seq')
          .where('tenant', '=', tenant)
          .orderBy('seq')
          .limit(limit)
          .execute();
        const until = Math.min(newest, oldest.at(-1)?.seq ?? 0);
        await trx
          .updateTable('event_heads')
          .set({ first: until + 1 })
          .where('log', '=', table)
          .where('tenant', '=', tenant)
          .where('first', '<=', until)
          .execute();
        const { numDeletedRows } = await trx
          .deleteFrom(table)
          .where('tenant', '=', tenant)
          .where('seq', '<=', until)
          .executeTakeFirst();
        return Number(numDeletedRows);
      }),
  };
  return log;
};
