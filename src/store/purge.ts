import type { Database, EventTable } from './database.ts';

/** A batch of ended sandboxes and all that hangs on them, in the caller's transaction. */
export const purgeSandboxes = async (
  trx: Database,
  before: number,
  limit: number,
): Promise<number> => {
  const ended = await trx
    .selectFrom('sandboxes')
    .select('id')
    .where('endedAt', '<', before)
    .orderBy('endedAt')
    .limit(limit)
    .execute();
  const ids = ended.map(({ id }) => id);
  if (ids.length === 0) return 0;
  // One sandbox may have had any number of processes: its row goes after the last of them, in a later batch if need be.
  const children = await trx
    .selectFrom('processes')
    .innerJoin('sandboxes', 'sandboxes.id', 'processes.sandboxId')
    .select('processes.id')
    .where('sandboxes.id', 'in', ids)
    .whereRef('processes.tenant', '=', 'sandboxes.tenant')
    .limit(limit)
    .execute();
  if (children.length > 0) {
    const found = children.map(({ id }) => id);
    await trx.deleteFrom('processes').where('id', 'in', found).execute();
  }
  if (children.length === limit) return children.length;
  await trx.deleteFrom('sandbox_labels').where('sandboxId', 'in', ids).execute();
  await trx.deleteFrom('sandbox_shares').where('sandboxId', 'in', ids).execute();
  await trx.deleteFrom('sandboxes').where('id', 'in', ids).execute();
  return ids.length + children.length;
};

/** A batch of the rows of one table that are older than `before`. */
export const purgeById = async (
  db: Database,
  [table, column]: ['processes', 'endedAt'] | ['usage_entries', 'at'],
  before: number,
  limit: number,
): Promise<number> => {
  const old = db
    .selectFrom(table)
    .select('id')
    .where(column as never, '<', before as never)
    .orderBy(column as never)
    .limit(limit);
  const { numDeletedRows } = await db.deleteFrom(table).where('id', 'in', old).executeTakeFirst();
  return Number(numDeletedRows);
};

/** A batch of the oldest events of one tenant, in the caller's transaction. */
export const purgeEvents = async (
  trx: Database,
  table: EventTable,
  before: number,
  limit: number,
): Promise<number> => {
  const old = await trx
    .selectFrom(table)
    .select(['tenant', 'seq'])
    .where('at', '<', before)
    .orderBy('at')
    .limit(limit)
    .execute();
  const tenant = old[0]?.tenant;
  if (tenant === undefined) return 0;
  // From the beginning on, so that numbers keep without holes, whether or not the clocks of several servers agree.
  const newest = Math.max(...old.filter((row) => row.tenant === tenant).map(({ seq }) => seq));
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
};
