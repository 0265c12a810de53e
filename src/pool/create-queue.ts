import { AppError } from '../errors.ts';
import { coalesce } from '../lib/coalesce.ts';
import { withTimeLimit } from '../lib/time-limit.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { QueuedSandbox } from '../store/types/sandbox-store.ts';
import { type AdmissionOptions, admitInTurns, type Turns } from './admission.ts';
import type { Lease } from './lease.ts';

export type CreateQueue = {
  /** Others of the tenant are queued already, at whichever server: a new one must not pass them. */
  hasWaiting(tenant: string): Promise<boolean>;
  /** `LIMIT_EXCEEDED` when too many of the tenant are queued. */
  enqueue(row: Sandbox): Promise<Sandbox>;
  /** There may be room now. */
  admitWaiting(): void;
  /** Admits no more. Resolves when what it has admitted is known to the lifecycle, or the database takes too long. */
  dispose(): Promise<void>;
};

/** Quotas also change with the hour, and by what other servers do. */
const LOOK_MS = 1_000;
/** What one look reads. Those behind are read when these are admitted or have waited for too long. */
const LOOK = { perGroup: 200, limit: 2_000 };
/** A stop waits no longer for the round that is under way. */
const STOP_MS = 5_000;
/** Of one tenant. */
const MAX_WAITING = 1_000;

/** Sandboxes that wait for room, as rows of the store: whichever server queued them, and whether or not it still runs. */
export const openCreateQueue = ({
  lease,
  maxWaitMs,
  canMake,
  ...options
}: AdmissionOptions & {
  lease: Lease;
  maxWaitMs: number;
  /** This server has a provider that fits; where it has none, another server admits it. */
  canMake: (row: QueuedSandbox) => boolean;
}): CreateQueue => {
  const { store, lifecycle, clock, log } = options;
  /** Of each tenant, how many this server is writing down and the store does not count yet. */
  const entering = new Map<string, number>();
  const turns: Turns = { served: new Map(), last: 0 };

  let disposed = false;
  const mayAdmit = (): boolean => !disposed && lease.isHeld();

  const forgetTurns = (rows: readonly QueuedSandbox[]): void => {
    const waiting = new Set(rows.map(({ tenant }) => tenant));
    for (const tenant of turns.served.keys()) if (!waiting.has(tenant)) turns.served.delete(tenant);
  };

  const expire = async (rows: readonly QueuedSandbox[]): Promise<QueuedSandbox[]> => {
    const late = rows.filter(({ queuedAt }) => (queuedAt ?? 0) + maxWaitMs <= clock());
    const message = `The sandbox was in the queue for ${maxWaitMs / 1_000} seconds, the longest that this server allows.`;
    for (const row of late) if (mayAdmit()) await lifecycle.failQueued(row, message);
    return rows.filter((row) => !late.includes(row));
  };

  /** Anybody's, unless this server may be a copy: then only those that it has queued itself. */
  const queued = (): Promise<QueuedSandbox[]> =>
    store.sandboxes.queued({ owner: lease.isTrusted() ? null : lease.fence.owner, ...LOOK });
  const countOf = (tenant: string): Promise<number> =>
    store.sandboxes.count(tenant, { states: ['QUEUED'] });

  const takeRound = async (): Promise<void> => {
    if (!mayAdmit()) return;
    try {
      const rows = await expire(await queued());
      forgetTurns(rows);
      await admitInTurns({ ...options, mayAdmit }, rows.filter(canMake), turns);
    } catch (error) {
      log.error({ err: error }, 'the queue of sandboxes could not be worked on, it is tried again');
    }
  };
  let round: Promise<void> = Promise.resolve();
  const look = coalesce(() => {
    round = takeRound();
    return round;
  });
  const admitWaiting = (): void => void look();
  const timer = setInterval(admitWaiting, LOOK_MS).unref();

  const enter = async (row: Sandbox, before: number): Promise<Sandbox> => {
    if ((await countOf(row.tenant)) + before >= MAX_WAITING)
      throw new AppError(
        'LIMIT_EXCEEDED',
        `The queue holds ${MAX_WAITING} sandboxes of this tenant already, the most that it may hold. Try again when some of them are ready.`,
        { details: { limit: 'waiting', maximum: MAX_WAITING } },
      );
    const queuedRow: Sandbox = { ...row, state: 'QUEUED', queuedAt: row.createdAt };
    const ahead = await store.sandboxes.queuedBefore(row.tenant, row.createdAt, row.id);
    const event = { kind: 'sandbox-queued', at: clock(), position: ahead + 1 } as const;
    await store.sandboxes.insert(queuedRow, { event });
    return queuedRow;
  };

  return {
    hasWaiting: async (tenant) => entering.has(tenant) || (await countOf(tenant)) > 0,
    async enqueue(row) {
      const { tenant } = row;
      const before = entering.get(tenant) ?? 0;
      entering.set(tenant, before + 1);
      try {
        return await enter(row, before);
      } finally {
        const left = (entering.get(tenant) ?? 1) - 1;
        if (left > 0) entering.set(tenant, left);
        else entering.delete(tenant);
        admitWaiting();
      }
    },
    admitWaiting,
    async dispose() {
      disposed = true;
      clearInterval(timer);
      const late = () => new Error('The round goes on.');
      await withTimeLimit(round, STOP_MS, late).catch(() => undefined);
    },
  };
};
