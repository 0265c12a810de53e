import { sql } from 'kysely';
import { HOUR_MS } from '../usage/metrics.ts';
import { usedOf } from './bounds.ts';
import type { Database } from './database.ts';
import { refuseNul } from './rows.ts';
import type { UsageEntry, UsageGroup, UsageStore, UsageSum } from './types/usage.ts';

const DAY_MS = 24 * HOUR_MS;

/** Entries and the sums of their hours, in the caller's transaction. */
export const addUsage = async (trx: Database, entries: readonly UsageEntry[]): Promise<void> => {
  for (const entry of entries) {
    refuseNul(entry);
    const { numInsertedOrUpdatedRows: added } = await trx
      .insertInto('usage_entries')
      .values(entry)
      .onConflict((conflict) => conflict.column('id').doNothing())
      .executeTakeFirst();
    if (!added) continue;
    const { tenant, subject, metric, amount, at } = entry;
    await trx
      .insertInto('usage_hours')
      .values({ tenant, subject, metric, amount, hour: Math.floor(at / HOUR_MS) * HOUR_MS })
      .onConflict((conflict) =>
        conflict
          .columns(['tenant', 'metric', 'hour', 'subject'])
          .doUpdateSet(({ eb }) => ({ amount: eb('usage_hours.amount', '+', amount) })),
      )
      .execute();
  }
};

/** Start of the period, as a number in text: SQLite and PostgreSQL divide whole numbers alike. */
const period = (ms: number) => sql<string>`cast(("at" / ${sql.lit(ms)}) * ${sql.lit(ms)} as text)`;

const keys: Record<UsageGroup, ReturnType<typeof period>> = {
  metric: sql<string>`''`,
  subject: sql<string>`"subject"`,
  sandboxId: sql<string>`"sandboxId"`,
  hour: period(HOUR_MS),
  day: period(DAY_MS),
};

export const openUsage = (db: Database): UsageStore => ({
  add: (entries) => db.transaction().execute((trx) => addUsage(trx, entries)),
  book: ({ tenant, id, from }, to, cpuSeconds, entries) =>
    db.transaction().execute(async (trx) => {
      const { numUpdatedRows } = await trx
        .updateTable('sandboxes')
        .set({ bookedAt: to, bookedCpuSeconds: cpuSeconds })
        .where('tenant', '=', tenant)
        .where('id', '=', id)
        .where('bookedAt', '=', from)
        .executeTakeFirst();
      if (Number(numUpdatedRows) === 0) return false;
      await addUsage(trx, entries);
      return true;
    }),
  async sums(tenant, { from, to, subject, sandboxId }, groupBy) {
    const key = keys[groupBy];
    let query = db
      .selectFrom('usage_entries')
      .select(({ fn }) => ['metric', key.as('key'), fn.sum('amount').as('amount')] as const)
      .where('tenant', '=', tenant)
      .where('at', '>=', from)
      .where('at', '<', to);
    if (subject !== undefined) query = query.where('subject', '=', subject);
    if (sandboxId !== undefined) query = query.where('sandboxId', '=', sandboxId);
    // By the key only where there is one: PostgreSQL groups by no constant.
    const grouped = groupBy === 'metric' ? query.groupBy('metric') : query.groupBy(['metric', key]);
    const rows = await grouped.orderBy('key').orderBy('metric').execute();
    return rows.map(
      ({ metric, key: at, amount }): UsageSum => ({
        metric,
        key: at,
        amount: Number(amount),
      }),
    );
  },
  used: (bound) => usedOf(db, bound),
});
