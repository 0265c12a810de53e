import { AppError } from '../errors.ts';
import { coalesce } from '../lib/coalesce.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { type AdmissionOptions, admitInTurns, type Turns } from './admission.ts';
import type { Lease } from './lease.ts';

export type CreateQueue = {
  /** Others of the tenant are queued already: a new one must not pass them. */
  hasWaiting(tenant: string): boolean;
  /** `LIMIT_EXCEEDED` when too many of the tenant are queued. */
  enqueue(row: Sandbox): Promise<Sandbox>;
  /** There may be room now. */
  admitWaiting(): void;
  /** Takes up those that were queued when the server stopped. */
  recover(): Promise<void>;
  dispose(): void;
};

/** Quotas also change with the hour, and by what other servers do. */
const LOOK_MS = 1_000;
/** Of one tenant. */
const MAX_WAITING = 1_000;

/** Sandboxes that wait for room, as rows of the store. */
export const openCreateQueue = ({
  lease,
  maxWaitMs,
  ...options
}: AdmissionOptions & { lease: Lease; maxWaitMs: number }): CreateQueue => {
  const { store, lifecycle, clock, log } = options;
  /** How many of each tenant. */
  const waiting = new Map<string, number>();
  const turns: Turns = { served: new Map(), last: 0 };

  const count = (rows: readonly Sandbox[]): void => {
    waiting.clear();
    for (const { tenant } of rows) waiting.set(tenant, (waiting.get(tenant) ?? 0) + 1);
    for (const tenant of turns.served.keys()) if (!waiting.has(tenant)) turns.served.delete(tenant);
  };

  const expire = async (rows: readonly Sandbox[]): Promise<Sandbox[]> => {
    const late = rows.filter(({ queuedAt }) => (queuedAt ?? 0) + maxWaitMs <= clock());
    const message = `The sandbox was in the queue for ${maxWaitMs / 1_000} seconds, the longest that this server allows.`;
    for (const row of late) await lifecycle.finish(row, 'FAILED', 'QUEUE_TIMEOUT', message);
    return rows.filter((row) => !late.includes(row));
  };

  /** Anybody's, unless this server may be a copy: then only those that it has queued itself. */
  const queued = async (): Promise<Sandbox[]> => {
    const rows = await store.sandboxes.inState('QUEUED');
    return lease.isTrusted() ? rows : rows.filter(({ owner }) => owner === lease.fence.owner);
  };

  const look = coalesce(async () => {
    if (waiting.size === 0 || !lease.isHeld()) return;
    try {
      const rows = await expire(await queued());
      count(rows);
      await admitInTurns(options, rows, turns);
    } catch (error) {
      log.error({ err: error }, 'the queue of sandboxes could not be worked on, it is tried again');
    }
  });
  const admitWaiting = (): void => void look();
  const timer = setInterval(admitWaiting, LOOK_MS).unref();

  return {
    hasWaiting: (tenant) => (waiting.get(tenant) ?? 0) > 0,
    async enqueue(row) {
      const before = waiting.get(row.tenant) ?? 0;
      if (before >= MAX_WAITING)
        throw new AppError(
          'LIMIT_EXCEEDED',
          `The queue holds ${MAX_WAITING} sandboxes of this tenant already, the most that it may hold. Try again when some of them are ready.`,
          { details: { limit: 'waiting', maximum: MAX_WAITING } },
        );
      waiting.set(row.tenant, before + 1);
      const queuedRow: Sandbox = { ...row, state: 'QUEUED', queuedAt: row.createdAt };
      const ahead = await store.sandboxes.queuedBefore(row.tenant, row.createdAt, row.id);
      const event = { kind: 'sandbox-queued', at: clock(), position: ahead + 1 } as const;
      await store.sandboxes.insert(queuedRow, { event });
      admitWaiting();
      return queuedRow;
    },
    admitWaiting,
    async recover() {
      count(await queued());
      admitWaiting();
    },
    dispose: () => clearInterval(timer),
  };
};
