import { type RawBuilder, sql } from 'kysely';
import { newId } from '../lib/ids.ts';
import type { Database } from './database.ts';
import type { ServerStore } from './types/server.ts';

/** What a dialect knows of its database. */
export type DatabaseFacts = {
  /** Its clock, in milliseconds since the epoch. */
  now: RawBuilder<number>;
  /** Tells it from copies of it. A replica that is promoted is no copy. */
  identity(db: Database): Promise<string>;
};

export const openServers = (db: Database, { now, identity }: DatabaseFacts): ServerStore => {
  const lease = (ms: number) => sql<number>`${now} + ${sql.lit(ms)}`;
  return {
    async deployment() {
      const actual = await identity(db);
      await db
        .insertInto('deployment')
        .values({ one: 1, id: newId('dep'), database: actual })
        .onConflict((conflict) => conflict.column('one').doNothing())
        .execute();
      const found = db.selectFrom('deployment').select(['id', 'database']);
      return { ...(await found.executeTakeFirstOrThrow()), actual };
    },
    async find(id) {
      const query = db.selectFrom('servers').selectAll().where('id', '=', id);
      return (await query.executeTakeFirst()) ?? null;
    },
    async list() {
      const rows = await db
        .selectFrom('servers')
        .selectAll()
        .select(now.as('now'))
        .orderBy('startedAt')
        .execute();
      return rows.map(({ now: at, ...row }) => ({
        ...row,
        isAlive: row.leaseUntil > at,
        silentMs: at - row.heartbeatAt,
      }));
    },
    async register(row, after, leaseMs) {
      const start = { ...row, address: null, startedAt: now, heartbeatAt: now };
      const fresh = { ...start, leaseUntil: lease(leaseMs) };
      const { numInsertedOrUpdatedRows } =
        after === null
          ? await db
              .insertInto('servers')
              .values(fresh)
              .onConflict((conflict) => conflict.column('id').doNothing())
              .executeTakeFirst()
          : await db
              .updateTable('servers')
              .set(fresh)
              .where('id', '=', row.id)
              .where('epoch', '=', after)
              .executeTakeFirst()
              .then(({ numUpdatedRows }) => ({ numInsertedOrUpdatedRows: numUpdatedRows }));
      return Number(numInsertedOrUpdatedRows) > 0;
    },
    async renew({ id, epoch, leaseMs, address }) {
      const database = await identity(db);
      const row = await db
        .updateTable('servers')
        .set({ heartbeatAt: now, leaseUntil: lease(leaseMs), address })
        .where('id', '=', id)
        .where('epoch', '=', epoch)
        .where('database', '=', database)
        .returningAll()
        .executeTakeFirst();
      return row ?? null;
    },
    async leave(id, epoch) {
      await db
        .updateTable('servers')
        .set({ address: null })
        .where('id', '=', id)
        .where('epoch', '=', epoch)
        .execute();
    },
    confirm: (id) =>
      db.transaction().execute(async (trx) => {
        const database = await identity(trx);
        await trx.updateTable('deployment').set({ database }).execute();
        await trx.updateTable('servers').set({ doubt: null }).where('id', '=', id).execute();
      }),
  };
};
