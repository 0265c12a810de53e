import type { Database } from './database.ts';
import { refuseNul } from './rows.ts';
import type { ShareStore } from './types/share.ts';

export const openShares = (db: Database): ShareStore => ({
  async put(share) {
    refuseNul(share);
    await db
      .insertInto('sandbox_shares')
      .values(share)
      .onConflict((conflict) =>
        conflict.columns(['tenant', 'sandboxId', 'subject']).doUpdateSet({
          access: share.access,
          createdBy: share.createdBy,
          createdAt: share.createdAt,
        }),
      )
      .execute();
  },
  async remove(tenant, sandboxId, subject) {
    const { numDeletedRows } = await db
      .deleteFrom('sandbox_shares')
      .where('tenant', '=', tenant)
      .where('sandboxId', '=', sandboxId)
      .where('subject', '=', subject)
      .executeTakeFirst();
    return Number(numDeletedRows) > 0;
  },
  of: (tenant, sandboxId) =>
    db
      .selectFrom('sandbox_shares')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('sandboxId', '=', sandboxId)
      .orderBy('subject')
      .execute(),
  async among(tenant, subject, sandboxIds) {
    if (sandboxIds.length === 0) return [];
    return db
      .selectFrom('sandbox_shares')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('subject', '=', subject)
      .where('sandboxId', 'in', [...sandboxIds])
      .execute();
  },
});
