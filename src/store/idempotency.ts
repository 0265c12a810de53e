import type { Database } from './database.ts';
import { refuseNul } from './rows.ts';
import type { Store } from './store.ts';

export const openIdempotency = (db: Database): Store['idempotency'] => ({
  async begin(record, notBefore) {
    refuseNul(record);
    const { tenant, operation, key } = record;
    // One statement decides who is first; an expired record gives way in the same statement.
    const taken = await db
      .insertInto('idempotency')
      .values({ ...record, resultId: null })
      .onConflict((conflict) =>
        conflict
          .columns(['tenant', 'operation', 'key'])
          .doUpdateSet({
            fingerprint: record.fingerprint,
            createdAt: record.createdAt,
            resultId: null,
          })
          .where('idempotency.createdAt', '<', notBefore),
      )
      .executeTakeFirst();
    if (Number(taken.numInsertedOrUpdatedRows ?? 0) > 0) return null;
    const found = await db
      .selectFrom('idempotency')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('operation', '=', operation)
      .where('key', '=', key)
      .executeTakeFirst();
    // Forgotten in between by the first caller: this one is the first now.
    return found ?? this.begin(record, notBefore);
  },
  async complete(tenant, operation, key, resultId) {
    await db
      .updateTable('idempotency')
      .set({ resultId })
      .where('tenant', '=', tenant)
      .where('operation', '=', operation)
      .where('key', '=', key)
      .execute();
  },
  async forget(tenant, operation, key) {
    await db
      .deleteFrom('idempotency')
      .where('tenant', '=', tenant)
      .where('operation', '=', operation)
      .where('key', '=', key)
      .execute();
  },
  async purge(before, limit) {
    const old = db
      .selectFrom('idempotency')
      .select(['tenant', 'operation', 'key'])
      .where('createdAt', '<', before)
      .orderBy('createdAt')
      .limit(limit);
    const { numDeletedRows } = await db
      .deleteFrom('idempotency')
      .where(({ eb, refTuple }) =>
        eb(
          refTuple('tenant', 'operation', 'key'),
          'in',
          old.$asTuple('tenant', 'operation', 'key'),
        ),
      )
      // What was taken over in between is not old any more.
      .where('createdAt', '<', before)
      .executeTakeFirst();
    return Number(numDeletedRows);
  },
});
