import type { Database } from './database.ts';
import { refuseNul } from './rows.ts';
import type { RevocationStore } from './types/revocation.ts';

export const openRevocations = (db: Database): RevocationStore => ({
  async insert(row) {
    refuseNul(row);
    await db.insertInto('revocations').values(row).execute();
  },
  since: (createdAt) =>
    db.selectFrom('revocations').selectAll().where('createdAt', '>=', createdAt).execute(),
});
