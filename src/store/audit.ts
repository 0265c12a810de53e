import type { Database } from './database.ts';
import { oneOf } from './rows.ts';
import type { AuditFact, AuditFilter, AuditRow, AuditStore } from './types/audit.ts';

/** SQLite binds at most 32,766 values in one statement. */
const ROWS_AT_ONCE = 500;
/** Far more than a tenant writes in the seconds in which an append is repeated. */
const ROWS_LOOKED_BACK = 10_000;
/** What the first row of a chain follows. */
export const GENESIS = '';

/** Columns and what they must be one of. */
const wanted = (filter: AuditFilter) =>
  [
    { column: 'subject', values: filter.subjects },
    { column: 'action', values: filter.actions },
    { column: 'outcome', values: filter.outcomes },
    { column: 'sandboxId', values: filter.sandboxIds },
    { column: 'requestId', values: filter.requestIds },
  ] as const;

const setHead = (trx: Database, tenant: string, head: { seq: number } | { hash: string }) =>
  trx.updateTable('audit_heads').set(head).where('tenant', '=', tenant).execute();

/** Facts are written together or not at all. */
const isWritten = async (
  trx: Database,
  tenant: string,
  [first]: readonly AuditFact[],
  last: number,
): Promise<boolean> => {
  const found = await trx
    .selectFrom('audit')
    .select('seq')
    .where('tenant', '=', tenant)
    .where('seq', '>', last - ROWS_LOOKED_BACK)
    .where('id', '=', first?.id ?? '')
    .executeTakeFirst();
  return found !== undefined;
};

export const openAudit = (db: Database): AuditStore => ({
  append: (tenant, facts, hash, isRepeated = false) =>
    db.transaction().execute(async (trx) => {
      await trx
        .insertInto('audit_heads')
        .values({ tenant, seq: 0, hash: GENESIS })
        .onConflict((conflict) => conflict.column('tenant').doNothing())
        .execute();
      // Takes the row until the end of the transaction: writers of one chain come one after the other.
      const head = await trx
        .updateTable('audit_heads')
        .set(({ eb }) => ({ seq: eb('seq', '+', facts.length) }))
        .where('tenant', '=', tenant)
        .returning(['seq', 'hash'])
        .executeTakeFirstOrThrow();
      const last = Number(head.seq) - facts.length;
      if (isRepeated && (await isWritten(trx, tenant, facts, last)))
        return void (await setHead(trx, tenant, { seq: last }));
      let previousHash = head.hash;
      const rows = facts.map((fact, index): AuditRow => {
        const row = { ...fact, seq: last + index + 1 };
        const own = hash(row, previousHash);
        const chained = { ...row, previousHash, hash: own };
        previousHash = own;
        return chained;
      });
      for (let start = 0; start < rows.length; start += ROWS_AT_ONCE)
        await trx
          .insertInto('audit')
          .values(rows.slice(start, start + ROWS_AT_ONCE))
          .execute();
      await setHead(trx, tenant, { hash: previousHash });
    }),
  async page(tenant, filter, { limit, after, descending }) {
    let query = db.selectFrom('audit').selectAll().where('tenant', '=', tenant);
    for (const { column, values } of wanted(filter))
      if (values) query = query.where(oneOf(column, values));
    if (filter.from !== undefined) query = query.where('at', '>=', filter.from);
    if (filter.to !== undefined) query = query.where('at', '<', filter.to);
    if (after) query = query.where('seq', descending ? '<' : '>', after.key);
    return query
      .orderBy('seq', descending ? 'desc' : 'asc')
      .limit(limit)
      .execute();
  },
  after: (tenant, seq, limit) =>
    db
      .selectFrom('audit')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('seq', '>', seq)
      .orderBy('seq')
      .limit(limit)
      .execute(),
  heads: () => db.selectFrom('audit_heads').selectAll().orderBy('tenant').execute(),
});
