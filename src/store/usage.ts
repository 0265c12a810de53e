import { sql } from 'kysely';
import { HOUR_MS } from '../usage/metrics.ts';
import { usedOf } from './bounds.ts';
import type { Database, Tables } from './database.ts';
import type { OpenEventLog } from './events.ts';
import { prepare } from './prepared.ts';
import { purgeById } from './purge.ts';
import { refuseNul } from './rows.ts';
import type { UsageEntry, UsageGroup, UsageStore, UsageSum } from './types/usage.ts';
import type { UsageEventBody } from './types/usage-event.ts';

const DAY_MS = 24 * HOUR_MS;
/** The one row of `usage_retention`. */
const MARK = 1;

const hourOf = (at: number): number => Math.floor(at / HOUR_MS) * HOUR_MS;

/** Sums are taken for writing in one order, or two transactions could wait for each other. */
const inOrder = (entries: readonly UsageEntry[]): UsageEntry[] => {
  const keyOf = ({ tenant, metric, at, subject }: UsageEntry): string =>
    JSON.stringify([tenant, metric, hourOf(at), subject]);
  return entries.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
};

export type AddUsage = (trx: Database, entries: readonly UsageEntry[]) => Promise<void>;
type Hour = Tables['usage_hours'];

/** Entries, the sums of their hours and their events, in the caller's transaction. */
export const prepareAddUsage = (db: Database, log: OpenEventLog<UsageEventBody>): AddUsage => {
  const insertEntry = prepare<UsageEntry>(
    ['id', 'tenant', 'subject', 'sandboxId', 'metric', 'amount', 'at'],
    (entry) =>
      db
        .insertInto('usage_entries')
        .values(entry)
        .onConflict((conflict) => conflict.column('id').doNothing()),
  );
  const addToHour = prepare<Hour>(['tenant', 'subject', 'metric', 'amount', 'hour'], (hour) =>
    db
      .insertInto('usage_hours')
      .values(hour)
      .onConflict((conflict) =>
        conflict
          .columns(['tenant', 'metric', 'hour', 'subject'])
          .doUpdateSet(({ eb }) => ({ amount: eb('usage_hours.amount', '+', hour.amount) })),
      ),
  );
  return async (trx, entries) => {
    const written: UsageEntry[] = [];
    for (const entry of entries.length > 1 ? inOrder(entries) : entries) {
      refuseNul(entry);
      const { numAffectedRows } = await insertEntry(trx, entry);
      if (!numAffectedRows) continue;
      written.push(entry);
      await addToHour(trx, { ...entry, hour: hourOf(entry.at) });
    }
    for (const [tenant, own] of Map.groupBy(written, (entry) => entry.tenant))
      await log.write(trx, tenant, own.map(toEvent));
  };
};

const toEvent = ({ subject, sandboxId, metric, amount, at }: UsageEntry) => ({
  ...({ kind: 'usage-recorded', at, meta: { subject, sandboxId, metric, amount } } as const),
});

/** Start of the period, as a number in text: SQLite and PostgreSQL divide whole numbers alike. */
const period = (ms: number) => sql<string>`cast(("at" / ${sql.lit(ms)}) * ${sql.lit(ms)} as text)`;

const keys: Record<UsageGroup, ReturnType<typeof period>> = {
  metric: sql<string>`''`,
  subject: sql<string>`"subject"`,
  sandboxId: sql<string>`"sandboxId"`,
  hour: period(HOUR_MS),
  day: period(DAY_MS),
};

/** The hours before the mark, of which entries are gone or going, tell by their sums; reading both is one statement, so one snapshot. */
const sumsOf = (
  db: Database,
  tenant: string,
  { from, to, subject, sandboxId }: Parameters<UsageStore['sums']>[1],
) => {
  const mark = sql<number>`coalesce((select "before" from usage_retention where id = ${MARK}), 0)`;
  let entries = db
    .selectFrom('usage_entries')
    .select(['metric', 'subject', 'sandboxId', 'amount', 'at'])
    .where('tenant', '=', tenant)
    .where('at', '>=', from)
    .where('at', '<', to)
    .where('at', '>=', mark);
  let hours = db
    .selectFrom('usage_hours')
    .select(['metric', 'subject', sql<string>`''`.as('sandboxId'), 'amount', 'hour as at'])
    .where('tenant', '=', tenant)
    .where('hour', '>=', from)
    .where('hour', '<', to)
    .where('hour', '<', mark);
  if (subject !== undefined) {
    entries = entries.where('subject', '=', subject);
    hours = hours.where('subject', '=', subject);
  }
  if (sandboxId !== undefined) return entries.where('sandboxId', '=', sandboxId);
  return entries.unionAll(hours);
};

export const openUsage = (
  db: Database,
  log: OpenEventLog<UsageEventBody>,
  addUsage: AddUsage,
): UsageStore => ({
  async add(entries) {
    await db.transaction().execute((trx) => addUsage(trx, entries));
    for (const tenant of new Set(entries.map((entry) => entry.tenant))) log.announce(tenant);
  },
  async book({ tenant, id }, { from, to, cpuSeconds, entries }, fence) {
    const booked = await db.transaction().execute(async (trx) => {
      let query = trx
        .updateTable('sandboxes')
        .set({ bookedAt: to, bookedCpuSeconds: cpuSeconds })
        .where('tenant', '=', tenant)
        .where('id', '=', id)
        .where('state', '=', 'READY')
        .where('bookedAt', '=', from);
      if (fence)
        query = query.where('owner', '=', fence.owner).where('ownerEpoch', '=', fence.epoch);
      if (Number((await query.executeTakeFirst()).numUpdatedRows) === 0) return false;
      await addUsage(trx, entries);
      return true;
    });
    if (booked && entries.length) log.announce(tenant);
    return booked;
  },
  async sums(tenant, range, groupBy) {
    const key = keys[groupBy];
    const query = db
      .selectFrom(sumsOf(db, tenant, range).as('used'))
      .select(({ fn }) => ['metric', key.as('key'), fn.sum('amount').as('amount')] as const);
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
  async purge(before, limit) {
    const mark = hourOf(before);
    // Before any entry goes, so that no reader counts an hour that has lost some of them.
    await db
      .insertInto('usage_retention')
      .values({ id: MARK, before: mark })
      .onConflict((conflict) =>
        conflict
          .column('id')
          .doUpdateSet({ before: mark })
          .where('usage_retention.before', '<', mark),
      )
      .execute();
    return purgeById(db, ['usage_entries', 'at'], mark, limit);
  },
});
