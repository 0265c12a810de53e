import type { Database } from './database.ts';
import type { Bound, Excess } from './types/quota.ts';

/** Sandboxes in these states take up room. */
export const aliveStates = ['CREATING', 'READY', 'DESTROYING'] as const;
/** Of these the next one counts as one; of the others what is used up by now. */
const COUNTED = ['concurrentSandboxes', 'executions'];

export const usedOf = async (
  db: Database,
  { metric, tenant, subject, since }: Pick<Bound, 'metric' | 'tenant' | 'subject' | 'since'>,
): Promise<number> => {
  if (metric === 'concurrentSandboxes') {
    let query = db
      .selectFrom('sandboxes')
      .select(({ fn }) => fn.countAll().as('used'))
      .where('state', 'in', [...aliveStates]);
    if (tenant !== null) query = query.where('tenant', '=', tenant);
    if (subject !== null) query = query.where('createdBy', '=', subject);
    return Number((await query.executeTakeFirstOrThrow()).used);
  }
  let query = db
    .selectFrom('usage_hours')
    .select(({ fn }) => fn.sum('amount').as('used'))
    .where('metric', '=', metric)
    .where('hour', '>=', since);
  if (tenant !== null) query = query.where('tenant', '=', tenant);
  if (subject !== null) query = query.where('subject', '=', subject);
  return Number((await query.executeTakeFirstOrThrow()).used ?? 0);
};

/**
 * The first bound that does not hold. Inside a transaction: who is counted for the same tenant waits until this one has written or given
 * up, so that of many at once no more get through than there is room for.
 */
export const findExcess = async (
  trx: Database,
  bounds: readonly Bound[],
): Promise<Excess | null> => {
  // In one order, or two could wait for each other.
  for (const tenant of [...new Set(bounds.map((bound) => bound.tenant ?? ''))].sort()) {
    await trx
      .insertInto('tenant_locks')
      .values({ tenant, taken: 1 })
      .onConflict((conflict) =>
        conflict
          .column('tenant')
          .doUpdateSet(({ eb }) => ({ taken: eb('tenant_locks.taken', '+', 1) })),
      )
      .execute();
  }
  for (const bound of bounds) {
    const used = await usedOf(trx, bound);
    if (COUNTED.includes(bound.metric) ? used + 1 > bound.limit : used >= bound.limit)
      return { bound, used };
  }
  return null;
};
