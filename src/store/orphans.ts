import type { Database } from './database.ts';
import type { OrphanStore } from './types/orphan.ts';

export const openOrphans = (db: Database): OrphanStore => ({
  list: () => db.selectFrom('orphans').selectAll().orderBy('foundAt').orderBy('ref').execute(),
  found: (server, provider, orphans) =>
    db.transaction().execute(async (trx) => {
      let gone = trx
        .deleteFrom('orphans')
        .where('provider', '=', provider)
        .where('server', '=', server);
      const refs = orphans.map(({ ref }) => ref);
      if (refs.length) gone = gone.where('ref', 'not in', refs);
      await gone.execute();
      for (const orphan of orphans)
        await trx
          .insertInto('orphans')
          .values({ ...orphan, provider, server, removeAt: null })
          .onConflict((conflict) => conflict.columns(['provider', 'ref']).doUpdateSet({ server }))
          .execute();
    }),
  async remove(refs, at) {
    if (refs?.length === 0) return 0;
    let query = db.updateTable('orphans').set({ removeAt: at });
    if (refs) query = query.where('ref', 'in', [...refs]);
    return Number((await query.executeTakeFirst()).numUpdatedRows);
  },
});
