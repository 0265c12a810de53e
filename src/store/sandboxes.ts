import type { Sealer } from '../lib/sealed.ts';
import type { Database } from './database.ts';
import { purgeSandboxes } from './purge.ts';
import { queuePage } from './queue.ts';
import { afterPage, inOrder, inScope } from './rows.ts';
import { type Logs, openSandboxChanges } from './sandbox-changes.ts';
import { matches, type SandboxRow, translate } from './sandbox-rows.ts';
import type { Page } from './types/page.ts';
import type { SandboxFilter, SandboxOrder } from './types/sandbox.ts';
import type { SandboxStore } from './types/sandbox-store.ts';
import type { TenantScope } from './types/scope.ts';

const rowsOf = (db: Database, tenant: TenantScope) =>
  inScope(db.selectFrom('sandboxes').selectAll(), tenant);

const pageOf = (
  db: Database,
  tenant: TenantScope,
  filter: SandboxFilter,
  orderBy: SandboxOrder,
  page: Page,
) => afterPage(matches(rowsOf(db, tenant), filter), 'sandboxes', orderBy, page);

/** One statement sees one snapshot, in SQLite and in PostgreSQL alike; a page without rows still has its row of `head`. */
const pageWithCursor = async (
  db: Database,
  tenant: string,
  filter: SandboxFilter,
  orderBy: SandboxOrder,
  page: Page,
): Promise<{ rows: SandboxRow[]; seq: number }> => {
  const order = page.descending ? 'desc' : 'asc';
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
    .leftJoin(pageOf(db, tenant, filter, orderBy, page).as('page'), (join) => join.onTrue())
    .selectAll()
    .orderBy(`page.${orderBy}`, order)
    .orderBy('page.id', order)
    .execute();
  return {
    rows: rows.flatMap(({ seq, ...row }) => (row.id === null ? [] : [row as SandboxRow])),
    seq: Number(rows[0]?.seq ?? 0),
  };
};

const queuedBefore = async (
  db: Database,
  tenant: string,
  queuedAt: number,
  id: string,
): Promise<number> => {
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
};

export const openSandboxes = (db: Database, sealer: Sealer, logs: Logs): SandboxStore => {
  const translation = translate(sealer);
  const { fromRow } = translation;
  return {
    ...openSandboxChanges(db, translation, logs),
    async find(tenant, id) {
      const row = await rowsOf(db, tenant).where('id', '=', id).executeTakeFirst();
      return row ? fromRow(row) : null;
    },
    async findMany(tenant, ids) {
      if (ids.length === 0) return [];
      const rows = await rowsOf(db, tenant)
        .where('id', 'in', [...ids])
        .execute();
      return inOrder(ids, rows.map(fromRow));
    },
    page: async (tenant, filter, orderBy, page) =>
      (await pageOf(db, tenant, filter, orderBy, page).execute()).map(fromRow),
    async pageWithCursor(tenant, filter, orderBy, page) {
      const { rows, seq } = await pageWithCursor(db, tenant, filter, orderBy, page);
      return { rows: rows.map(fromRow), seq };
    },
    async count(tenant, filter) {
      const total = db.selectFrom('sandboxes').select(({ fn }) => fn.countAll().as('total'));
      const query = matches(inScope(total, tenant), filter);
      return Number((await query.executeTakeFirstOrThrow()).total);
    },
    async inState(state) {
      const query = db.selectFrom('sandboxes').selectAll().where('state', '=', state);
      return (await query.orderBy('queuedAt').orderBy('id').execute()).map(fromRow);
    },
    queued: (page) => queuePage(db, page),
    queuedBefore: (tenant, queuedAt, id) => queuedBefore(db, tenant, queuedAt, id),
    async expiring(owner, before) {
      const rows = await db
        .selectFrom('sandboxes')
        .selectAll()
        .where('state', '=', 'READY')
        .where('owner', '=', owner)
        .where('expiresAt', '<', before)
        .execute();
      return rows.map(fromRow);
    },
    purge: (before, limit) => db.transaction().execute((trx) => purgeSandboxes(trx, before, limit)),
  };
};
