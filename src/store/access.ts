import type { AccessStore } from './access-store.ts';
import { openAudit } from './audit.ts';
import type { Database } from './database.ts';
import { refuseNul } from './rows.ts';
import { openUsage } from './usage.ts';

const shares = (db: Database): AccessStore['shares'] => ({
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

const revocations = (db: Database): AccessStore['revocations'] => ({
  async insert(row) {
    refuseNul(row);
    await db.insertInto('revocations').values(row).execute();
  },
  since: (createdAt) =>
    db.selectFrom('revocations').selectAll().where('createdAt', '>=', createdAt).execute(),
});

const quotas = (db: Database): AccessStore['quotas'] => ({
  async put(row) {
    refuseNul(row);
    const { limit, setBy, setAt } = row;
    await db
      .insertInto('quotas')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .columns(['tenant', 'subject', 'metric', 'window', 'level'])
          .doUpdateSet({ limit, setBy, setAt }),
      )
      .execute();
  },
  async remove({ tenant, subject, metric, window, level }) {
    await db
      .deleteFrom('quotas')
      .where('tenant', '=', tenant)
      .where('subject', '=', subject)
      .where('metric', '=', metric)
      .where('window', '=', window)
      .where('level', '=', level)
      .execute();
  },
  of: (tenant, subject) =>
    db
      .selectFrom('quotas')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('subject', 'in', subject === null ? [''] : ['', subject])
      .execute(),
});

export const openAccess = (db: Database): AccessStore => ({
  shares: shares(db),
  revocations: revocations(db),
  quotas: quotas(db),
  usage: openUsage(db),
  audit: openAudit(db),
});
