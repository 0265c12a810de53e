import { AppError } from '../errors.ts';
import type { Database, EventTable, Tables } from './database.ts';
import { prepare } from './prepared.ts';
import { purgeEvents } from './purge.ts';
import { refuseNul } from './rows.ts';
import type { EventBody, EventLog, EventRange, NewEvent, StoredEvent } from './types/event-log.ts';

/** The store's own view of a log: events go into the caller's transaction, readers wake when that has been committed. */
export type OpenEventLog<Body extends EventBody> = EventLog<Body> & {
  /**
   * The last statement of a transaction, or nearly: the tenant's row in `event_heads` is taken until its end, so that events become visible
   * in the order of their numbers.
   */
  write(trx: Database, tenant: string, events: readonly NewEvent<Body>[]): Promise<void>;
  announce(tenant: string): void;
};

type Row = Tables[EventTable];

const prepareWrite = (db: Database, table: EventTable) => {
  const advance = prepare<{ tenant: string; count: number }>(['tenant', 'count'], (slots) =>
    db
      .insertInto('event_heads')
      .values({ log: table, tenant: slots.tenant, first: 1, last: slots.count })
      .onConflict((conflict) =>
        conflict
          .columns(['log', 'tenant'])
          .doUpdateSet(({ eb }) => ({ last: eb('event_heads.last', '+', slots.count) })),
      )
      .returning('last'),
  );
  const insert = prepare<Row>(['tenant', 'seq', 'at', 'kind', 'meta'], (row) =>
    db.insertInto(table).values(row),
  );
  return async (
    trx: Database,
    tenant: string,
    events: readonly NewEvent<EventBody>[],
  ): Promise<void> => {
    if (events.length === 0) return;
    const { rows } = await advance(trx, { tenant, count: events.length });
    const [{ last }] = rows as [{ last: number }];
    for (const [index, { at, kind, meta }] of events.entries()) {
      const seq = last - events.length + index + 1;
      await insert(trx, { tenant, seq, at, kind, meta: JSON.stringify(meta) });
    }
  };
};

const rangeOf = async (db: Database, table: EventTable, tenant: string): Promise<EventRange> => {
  const head = await db
    .selectFrom('event_heads')
    .select(['first', 'last'])
    .where('log', '=', table)
    .where('tenant', '=', tenant)
    .executeTakeFirst();
  return head ?? { first: 1, last: 0 };
};

const latestOf = async (
  db: Database,
  table: EventTable,
  tenants: readonly string[],
): Promise<ReadonlyMap<string, number>> => {
  if (tenants.length === 0) return new Map();
  const heads = await db
    .selectFrom('event_heads')
    .select(['tenant', 'last'])
    .where('log', '=', table)
    .where('tenant', 'in', [...tenants])
    .execute();
  return new Map(heads.map(({ tenant, last }) => [tenant, last]));
};

const readAfter = async (
  db: Database,
  table: EventTable,
  { tenant, seq, limit }: { tenant: string; seq: number; limit: number },
) => {
  const rows = await db
    .selectFrom(table)
    .select(['seq', 'at', 'kind', 'meta'])
    .where('tenant', '=', tenant)
    .where('seq', '>', seq)
    .orderBy('seq')
    .limit(limit)
    .execute();
  // Numbers have no holes: what does not begin right behind `seq` was purged, or was never given.
  if (rows[0]?.seq !== seq + 1) {
    const { first, last } = await rangeOf(db, table, tenant);
    if (seq > last)
      throw new AppError(
        'BAD_CURSOR',
        'The cursor is ahead of the stream. Use the `cursor` of an event of this stream.',
      );
    if (rows.length > 0 || seq + 1 < first)
      throw new AppError(
        'CURSOR_EXPIRED',
        `The events after this cursor are no longer kept; the earliest one that is kept is number ${first}.`,
        { details: { earliest: first - 1 } },
      );
  }
  return rows.map(({ meta, ...row }) => ({ ...row, meta: JSON.parse(meta) as object }));
};

export const openEventLog = <Body extends EventBody>(
  db: Database,
  table: EventTable,
): OpenEventLog<Body> => {
  const listeners = new Set<(tenant: string) => void>();
  const announce = (tenant: string): void => {
    for (const listener of listeners) listener(tenant);
  };
  const write = prepareWrite(db, table);
  return {
    write,
    announce,
    async append(tenant, events) {
      for (const { meta } of events) refuseNul(meta);
      await db.transaction().execute((trx) => write(trx, tenant, events));
      announce(tenant);
    },
    after: async (tenant, seq, limit) =>
      (await readAfter(db, table, { tenant, seq, limit })) as unknown as StoredEvent<Body>[],
    range: (tenant) => rangeOf(db, table, tenant),
    latest: (tenants) => latestOf(db, table, tenants),
    onAppended(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    purge: (before, limit) =>
      db.transaction().execute((trx) => purgeEvents(trx, table, before, limit)),
  };
};
