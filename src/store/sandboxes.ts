import type { Sealer } from '../lib/sealed.ts';
import type { Database } from './database.ts';
import { purgeSandboxes } from './purge.ts';
import { afterPage, inOrder, inScope } from './rows.ts';
import { type Logs, openSandboxChanges } from './sandbox-changes.ts';
import { matches, type SandboxRow, translate } from './sandbox-rows.ts';
import type { Store } from './store.ts';

export const openSandboxes = (db: Database, sealer: Sealer, logs: Logs): Store['sandboxes'] => {
  const translation = translate(sealer);
  const { fromRow } = translation;
  return {
    ...openSandboxChanges(db, translation, logs),
    async find(tenant, id) {
      const row = await inScope(db.selectFrom('sandboxes').selectAll(), tenant)
        .where('id', '=', id)
        .executeTakeFirst();
      return row ? fromRow(row) : null;
    },
    async findMany(tenant, ids) {
      if (ids.length === 0) return [];
      const rows = await inScope(db.selectFrom('sandboxes').selectAll(), tenant)
        .where('id', 'in', [...ids])
        .execute();
      return inOrder(ids, rows.map(fromRow));
    },
    async page(tenant, filter, orderBy, page) {
      const query = matches(inScope(db.selectFrom('sandboxes').selectAll(), tenant), filter);
      return (await afterPage(query, 'sandboxes', orderBy, page).execute()).map(fromRow);
    },
    async pageWithCursor(tenant, filter, orderBy, page) {
      const found = matches(inScope(db.selectFrom('sandboxes').selectAll(), tenant), filter);
      const order = page.descending ? 'desc' : 'asc';
      // One statement sees one snapshot, in SQLite and in PostgreSQL alike; a page without rows still has its row of `head`.
      const rows = await db
        .selectFrom(
          db
            .selectNoFrom((eb) =>
              eb
                .selectFrom('event_heads')
                .select('last')
                .where('log', '=', 'sandbox_events')
                .where('tenant', '=', tenant)
                .as('seq'),
            )
            .as('head'),
        )
        .leftJoin(afterPage(found, 'sandboxes', orderBy, page).as('page'), (join) => join.onTrue())
        .selectAll()
        .orderBy(`page.${orderBy}`, order)
        .orderBy('page.id', order)
        .execute();
      return {
        rows: rows.flatMap(({ seq, ...row }) =>
          row.id === null ? [] : [fromRow(row as SandboxRow)],
        ),
        seq: Number(rows[0]?.seq ?? 0),
      };
    },
    async count(tenant, filter) {
      const query = matches(
        inScope(
          db.selectFrom('sandboxes').select(({ fn }) => fn.countAll().as('total')),
          tenant,
        ),
        filter,
      );
      return Number((await query.executeTakeFirstOrThrow()).total);
    },
    async inState(state) {
      const query = db.selectFrom('sandboxes').selectAll().where('state', '=', state);
      return (await query.orderBy('queuedAt').orderBy('id').execute()).map(fromRow);
    },
    async queuedBefore(tenant, queuedAt, id) {
      const { ahead } = await db
        .selectFrom('sandboxes')
        .select(({ fn }) => fn.countAll().as('ahead'))
        .where('tenant', '=', tenant)
        .where('state', '=', 'QUEUED')
        .where((eb) =>
          eb.or([
            eb('queuedAt', '<', queuedAt),
            eb.and([eb('queuedAt', '=', queuedAt), eb('id', '<', id)]),
          ]),
        )
        .executeTakeFirstOrThrow();
      return Number(ahead);
    },
    async expiring(owner, before) {
      return (
        await db
          .selectFrom('sandboxes')
          .selectAll()
          .where('state', '=', 'READY')
          .where('owner', '=', owner)
          .where('expiresAt', '<', before)
          .execute()
      ).map(fromRow);
    },
    purge: (before, limit) => db.transaction().execute((trx) => purgeSandboxes(trx, before, limit)),
  };
};
