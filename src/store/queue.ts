import type { Database } from './database.ts';
import type { Sandbox } from './types/sandbox.ts';
import type { QueuedSandbox, QueuePage } from './types/sandbox-store.ts';

const COLUMNS = [
  ...(['id', 'tenant', 'createdBy', 'plan', 'subjectLimit', 'owner'] as const),
  ...(['provider', 'placement', 'createdAt', 'expiresAt', 'queuedAt'] as const),
] as const;

const inOrderOfWaiting = (a: QueuedSandbox, b: QueuedSandbox): number =>
  (a.queuedAt ?? 0) - (b.queuedAt ?? 0) || (a.id < b.id ? -1 : 1);

/** The first of each group come before the second of any, so that a page that is full leaves no tenant out. */
export const queuePage = async (
  db: Database,
  { owner, perGroup, limit }: QueuePage,
): Promise<QueuedSandbox[]> => {
  let waiting = db
    .selectFrom('sandboxes')
    .select([...COLUMNS])
    .select((eb) =>
      eb.fn
        .agg<number>('row_number')
        .over((over) =>
          over.partitionBy(['tenant', 'createdBy', 'provider']).orderBy('queuedAt').orderBy('id'),
        )
        .as('place'),
    )
    .where('state', '=', 'QUEUED');
  if (owner !== null) waiting = waiting.where('owner', '=', owner);
  const rows = await db
    .selectFrom(waiting.as('waiting'))
    .select([...COLUMNS])
    .where('place', '<=', perGroup)
    .orderBy('place')
    .orderBy('queuedAt')
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows
    .map((row) => ({
      ...row,
      placement:
        row.placement === null ? null : (JSON.parse(row.placement) as Sandbox['placement']),
    }))
    .sort(inOrderOfWaiting);
};
