import type { Database } from './database.ts';

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
