import type { SelectQueryBuilder } from 'kysely';
import { findExcess } from './bounds.ts';
import type { Database, Tables } from './database.ts';
import type { OpenEventLog } from './events.ts';
import { prepare } from './prepared.ts';
import { purgeById } from './purge.ts';
import { afterPage, inOrder, inScope, oneOf, refuseNul } from './rows.ts';
import type { Store } from './store.ts';
import type { Process, ProcessFilter } from './types/process.ts';
import type { UsageEventBody } from './types/usage-event.ts';
import type { AddUsage } from './usage.ts';

type Row = Tables['processes'];

const RUNS = ['STARTING', 'RUNNING'] as const;

const fromRow = (row: Row): Process => ({ ...row, argv: JSON.parse(row.argv) as string[] });
const toRow = ({ argv, ...rest }: Partial<Process>): Partial<Row> => ({
  ...rest,
  ...(argv ? { argv: JSON.stringify(argv) } : {}),
});

const matches = <Out>(
  query: SelectQueryBuilder<Tables, 'processes', Out>,
  { states, terminals }: ProcessFilter,
) => {
  let found = query;
  if (states) found = found.where(oneOf('state', states));
  if (terminals !== undefined) found = found.where('cols', terminals ? 'is not' : 'is', null);
  return found;
};

const columns = [
  ...(['id', 'ref', 'tenant', 'sandboxId', 'createdBy', 'argv', 'command', 'cwd'] as const),
  ...(['purpose', 'state', 'pid', 'cols', 'rows', 'exitCode', 'signal', 'startedAt'] as const),
  ...(['endedAt', 'timeoutMs', 'cpuSeconds', 'maxMemoryBytes'] as const),
];
const prepareInsert = (db: Database) =>
  prepare<Row>(columns, (row) => db.insertInto('processes').values(row));

export const openProcesses = (
  db: Database,
  log: OpenEventLog<UsageEventBody>,
  addUsage: AddUsage,
  insert = prepareInsert(db),
): Store['processes'] => ({
  async insert(process, usage = [], bounds = []) {
    refuseNul(process);
    const result = await db.transaction().execute(async (trx) => {
      const excess = bounds.length ? await findExcess(trx, bounds) : null;
      if (excess) return excess;
      await insert(trx, toRow(process) as Row);
      await addUsage(trx, usage);
      return null;
    });
    if (result === null && usage.length) log.announce(process.tenant);
    return result;
  },
  async find(tenant, id) {
    const row = await inScope(db.selectFrom('processes').selectAll(), tenant)
      .where('id', '=', id)
      .executeTakeFirst();
    return row ? fromRow(row) : null;
  },
  async findMany(tenant, ids) {
    if (ids.length === 0) return [];
    const rows = await inScope(db.selectFrom('processes').selectAll(), tenant)
      .where('id', 'in', [...ids])
      .execute();
    return inOrder(ids, rows.map(fromRow));
  },
  async page(tenant, sandboxId, filter, page) {
    const query = matches(
      db
        .selectFrom('processes')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('sandboxId', '=', sandboxId),
      filter,
    );
    return (await afterPage(query, 'processes', 'startedAt', page).execute()).map(fromRow);
  },
  async count(tenant, sandboxId, filter) {
    const query = matches(
      db
        .selectFrom('processes')
        .select(({ fn }) => fn.countAll().as('total'))
        .where('tenant', '=', tenant)
        .where('sandboxId', '=', sandboxId),
      filter,
    );
    return Number((await query.executeTakeFirstOrThrow()).total);
  },
  async update(tenant, id, patch, from, fence) {
    let query = db
      .updateTable('processes')
      .set(toRow(patch))
      .where('tenant', '=', tenant)
      .where('id', '=', id);
    if (from) query = query.where('state', 'in', [...from]);
    if (fence)
      query = query.where(({ exists, selectFrom }) =>
        exists(
          selectFrom('sandboxes')
            .select('sandboxes.id')
            .whereRef('sandboxes.id', '=', 'processes.sandboxId')
            .where('owner', '=', fence.owner)
            .where('ownerEpoch', '=', fence.epoch),
        ),
      );
    return Number((await query.executeTakeFirst()).numUpdatedRows) > 0;
  },
  async unfinished(owner, sandboxId) {
    let query = db
      .selectFrom('processes')
      .innerJoin('sandboxes', 'sandboxes.id', 'processes.sandboxId')
      .selectAll('processes')
      .where('processes.state', 'in', [...RUNS])
      .where('sandboxes.owner', '=', owner);
    if (sandboxId !== undefined) query = query.where('sandboxId', '=', sandboxId);
    return (await query.execute()).map(fromRow);
  },
  purge: (before, limit) => purgeById(db, ['processes', 'endedAt'], before, limit),
});
