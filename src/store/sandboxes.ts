import { type ExpressionBuilder, type SelectQueryBuilder, sql } from 'kysely';
import type { Sealer } from '../lib/sealed.ts';
import { aliveStates, findExcess } from './bounds.ts';
import type { Database, Tables } from './database.ts';
import { afterPage, inOrder, inScope, refuseNul } from './rows.ts';
import type { Store } from './store.ts';
import type { Labels, Sandbox, SandboxFilter } from './types/sandbox.ts';

type Row = Tables['sandboxes'];

/** Most have no variables: nothing to seal. */
const NO_ENV = '{}';

const translate = ({ seal, unseal }: Sealer) => ({
  toRow(sandbox: Partial<Sandbox>): Partial<Row> {
    const { labels, env, networkAllow, ...rest } = sandbox;
    const sealed = (text: string): string => (text === NO_ENV ? text : seal(text));
    return {
      ...rest,
      ...(labels ? { labels: JSON.stringify(labels) } : {}),
      ...(env ? { env: sealed(JSON.stringify(env)) } : {}),
      ...(networkAllow ? { networkAllow: JSON.stringify(networkAllow) } : {}),
    };
  },
  fromRow: (row: Row): Sandbox => ({
    ...row,
    labels: JSON.parse(row.labels) as Labels,
    env: JSON.parse(unseal(row.env)) as Record<string, string>,
    networkAllow: JSON.parse(row.networkAllow) as string[],
  }),
});

const like = (text: string): string => `%${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;

const matches = <Out>(
  query: SelectQueryBuilder<Tables, 'sandboxes', Out>,
  filter: SandboxFilter,
) => {
  const { states, providers, labels, text, ids, visibleTo } = filter;
  let found = query;
  if (ids)
    found = ids.length
      ? found.where('sandboxes.id', 'in', [...ids])
      : found.where(sql<boolean>`1 = 0`);
  if (visibleTo !== undefined)
    found = found.where((eb) =>
      eb.or([
        eb('sandboxes.createdBy', '=', visibleTo),
        eb.exists(
          eb
            .selectFrom('sandbox_shares')
            .select('access')
            .whereRef('sandbox_shares.tenant', '=', 'sandboxes.tenant')
            .whereRef('sandbox_shares.sandboxId', '=', 'sandboxes.id')
            .where('sandbox_shares.subject', '=', visibleTo),
        ),
      ]),
    );
  if (states) found = found.where('state', 'in', [...states]);
  if (providers) found = found.where('provider', 'in', [...providers]);
  for (const [key, value] of Object.entries(labels ?? {})) {
    found = found.where(({ exists, selectFrom }: ExpressionBuilder<Tables, 'sandboxes'>) =>
      exists(
        selectFrom('sandbox_labels')
          .select('key')
          .whereRef('sandboxId', '=', 'sandboxes.id')
          .where('key', '=', key)
          .where('value', '=', value),
      ),
    );
  }
  if (text) {
    const pattern = like(text);
    found = found.where((eb) =>
      eb.or([
        sql<boolean>`lower(sandboxes.id) like ${pattern} escape '\\'`,
        sql<boolean>`lower(template) like ${pattern} escape '\\'`,
        eb.exists(
          eb
            .selectFrom('sandbox_labels')
            .select('key')
            .whereRef('sandboxId', '=', 'sandboxes.id')
            .where(
              sql<boolean>`(lower(key) like ${pattern} escape '\\' or lower(value) like ${pattern} escape '\\')`,
            ),
        ),
      ]),
    );
  }
  return found;
};

export const openSandboxes = (db: Database, sealer: Sealer): Store['sandboxes'] => {
  const { toRow, fromRow } = translate(sealer);
  const saveLabels = async (
    trx: Database,
    tenant: string,
    id: string,
    labels: Labels,
  ): Promise<void> => {
    await trx.deleteFrom('sandbox_labels').where('sandboxId', '=', id).execute();
    const rows = Object.entries(labels).map(([key, value]) => ({
      tenant,
      sandboxId: id,
      key,
      value,
    }));
    if (rows.length) await trx.insertInto('sandbox_labels').values(rows).execute();
  };
  return {
    async insert(sandbox, bounds = []) {
      refuseNul(sandbox);
      const insert = (on: Database) =>
        on
          .insertInto('sandboxes')
          .values(toRow(sandbox) as Row)
          .execute();
      if (Object.keys(sandbox.labels).length === 0 && bounds.length === 0) {
        await insert(db);
        return null;
      }
      return db.transaction().execute(async (trx) => {
        const excess = await findExcess(trx, bounds);
        if (excess) return excess;
        await insert(trx);
        await saveLabels(trx, sandbox.tenant, sandbox.id, sandbox.labels);
        return null;
      });
    },
    admit: ({ tenant, id, expiresAt }, bounds) =>
      db.transaction().execute(async (trx) => {
        const excess = await findExcess(trx, bounds);
        if (excess) return excess;
        const { numUpdatedRows } = await trx
          .updateTable('sandboxes')
          .set({ state: 'CREATING', expiresAt })
          .where('tenant', '=', tenant)
          .where('id', '=', id)
          .where('state', '=', 'QUEUED')
          .executeTakeFirst();
        return Number(numUpdatedRows) > 0;
      }),
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
    async update(tenant, id, patch, from) {
      refuseNul(patch);
      const change = async (on: Database): Promise<boolean> => {
        let query = on
          .updateTable('sandboxes')
          .set(toRow(patch))
          .where('tenant', '=', tenant)
          .where('id', '=', id);
        if (from) query = query.where('state', 'in', [...from]);
        return Number((await query.executeTakeFirst()).numUpdatedRows) > 0;
      };
      const { labels } = patch;
      if (!labels) return change(db);
      return db.transaction().execute(async (trx) => {
        const changed = await change(trx);
        if (changed) await saveLabels(trx, tenant, id, labels);
        return changed;
      });
    },
    async unfinished() {
      return (
        await db
          .selectFrom('sandboxes')
          .selectAll()
          .where('state', 'in', [...aliveStates])
          .execute()
      ).map(fromRow);
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
    async expiring(before) {
      return (
        await db
          .selectFrom('sandboxes')
          .selectAll()
          .where('state', '=', 'READY')
          .where('expiresAt', '<', before)
          .execute()
      ).map(fromRow);
    },
  };
};
