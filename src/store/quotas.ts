import type { Database } from './database.ts';
import { refuseNul } from './rows.ts';
import type { QuotaStore } from './types/quota.ts';

export const openQuotas = (db: Database): QuotaStore => ({
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
