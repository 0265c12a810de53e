import type { UpdateQueryBuilder, UpdateResult } from 'kysely';
import { findExcess } from './bounds.ts';
import type { Database, Tables } from './database.ts';
import type { OpenEventLog } from './events.ts';
import { refuseNul } from './rows.ts';
import type { SandboxRow, translate } from './sandbox-rows.ts';
import type { Labels, Sandbox } from './types/sandbox.ts';
import type { SandboxEventBody, SandboxEventNote } from './types/sandbox-event.ts';
import type { SandboxChange, SandboxStore } from './types/sandbox-store.ts';
import type { UsageEventBody } from './types/usage-event.ts';
import type { AddUsage } from './usage.ts';

const saveLabels = async (
  trx: Database,
  { tenant, id, labels }: { tenant: string; id: string; labels: Labels },
): Promise<void> => {
  await trx.deleteFrom('sandbox_labels').where('sandboxId', '=', id).execute();
  const rows = Object.entries(labels).map(([key, value]) => ({
    ...{ tenant, sandboxId: id },
    ...{ key, value },
  }));
  if (rows.length) await trx.insertInto('sandbox_labels').values(rows).execute();
};

const loseProcesses = async (
  trx: Database,
  tenant: string,
  sandboxId: string,
  at: number,
): Promise<void> => {
  await trx
    .updateTable('processes')
    .set({ state: 'LOST', endedAt: at })
    .where('tenant', '=', tenant)
    .where('sandboxId', '=', sandboxId)
    .where('state', 'in', ['STARTING', 'RUNNING'])
    .execute();
};

const toEvent = (
  row: Sandbox,
  { kind, at, position }: SandboxEventNote,
): SandboxEventBody & { at: number } => ({
  kind,
  at,
  meta: {
    sandboxId: row.id,
    provider: row.provider,
    createdBy: row.createdBy,
    labels: row.labels,
    reason: row.terminationReason,
    message: row.terminationMessage,
    position: position ?? null,
  },
});

export type Logs = {
  events: OpenEventLog<SandboxEventBody>;
  usage: OpenEventLog<UsageEventBody>;
  addUsage: AddUsage;
};

type Update = UpdateQueryBuilder<Tables, 'sandboxes', 'sandboxes', UpdateResult>;

const holds = (
  query: Update,
  { from, fence, expect, slice }: Pick<SandboxChange, 'from' | 'fence' | 'expect' | 'slice'>,
): Update => {
  let found = query;
  if (from) found = found.where('state', 'in', [...from]);
  if (fence) found = found.where('owner', '=', fence.owner).where('ownerEpoch', '=', fence.epoch);
  for (const [column, value] of Object.entries(expect ?? {}))
    found =
      value === null
        ? found.where(column as 'owner', 'is', null)
        : found.where(column as 'owner', '=', value as string);
  if (slice) found = found.where('bookedAt', '=', slice.from);
  return found;
};

/**
 * What changes a sandbox's row. In a transaction locks are taken in one order everywhere (bounds, the row, its processes, hours of usage, the events'
 * heads), so that two never wait for each other.
 */
export const openSandboxChanges = (
  db: Database,
  { toRow, fromRow }: ReturnType<typeof translate>,
  { addUsage, ...logs }: Logs,
): Pick<SandboxStore, 'insert' | 'admit' | 'update'> => {
  const change = async (
    trx: Database,
    tenant: string,
    id: string,
    patch: Partial<Sandbox>,
    { event, slice, losesProcessesAt, ...conditions }: SandboxChange,
  ): Promise<Sandbox | null> => {
    const booked = slice ? { bookedAt: slice.to, bookedCpuSeconds: slice.cpuSeconds } : {};
    const query = trx
      .updateTable('sandboxes')
      // The tenant's own column is written back: a change may be of labels or of nothing but its conditions.
      .set({ tenant, ...toRow(patch), ...booked })
      .where('tenant', '=', tenant)
      .where('id', '=', id);
    const row = await holds(query, slice ? { ...conditions, slice } : conditions)
      .returningAll()
      .executeTakeFirst();
    if (!row) return null;
    const changed = fromRow(row);
    if (patch.labels) await saveLabels(trx, changed);
    if (losesProcessesAt !== undefined) await loseProcesses(trx, tenant, id, losesProcessesAt);
    if (slice) await addUsage(trx, slice.entries);
    if (event) await logs.events.write(trx, tenant, [toEvent(changed, event)]);
    return changed;
  };
  const announce = (tenant: string, { event, slice }: SandboxChange): void => {
    if (event) logs.events.announce(tenant);
    if (slice?.entries.length) logs.usage.announce(tenant);
  };

  return {
    async insert(sandbox, { bounds = [], event } = {}) {
      refuseNul(sandbox);
      const excess = await db.transaction().execute(async (trx) => {
        const found = await findExcess(trx, bounds);
        if (found) return found;
        await trx
          .insertInto('sandboxes')
          .values(toRow(sandbox) as SandboxRow)
          .execute();
        if (Object.keys(sandbox.labels).length) await saveLabels(trx, sandbox);
        if (event) await logs.events.write(trx, sandbox.tenant, [toEvent(sandbox, event)]);
        return null;
      });
      if (excess === null && event) logs.events.announce(sandbox.tenant);
      return excess;
    },
    async admit(tenant, id, patch, { bounds, ...options }) {
      refuseNul(patch);
      const result = await db.transaction().execute(async (trx) => {
        const excess = await findExcess(trx, bounds);
        if (excess) return excess;
        const admitted = { ...patch, state: 'CREATING' } as const;
        return change(trx, tenant, id, admitted, { ...options, from: ['QUEUED'] });
      });
      if (result !== null && !('bound' in result)) announce(tenant, options);
      return result;
    },
    async update(tenant, id, patch, options = {}) {
      refuseNul(patch);
      const { slice, event, losesProcessesAt } = options;
      const isAlone = !patch.labels && !slice && !event && losesProcessesAt === undefined;
      const row = await (isAlone
        ? change(db, tenant, id, patch, options)
        : db.transaction().execute((trx) => change(trx, tenant, id, patch, options)));
      if (row) announce(tenant, options);
      return row;
    },
  };
};
