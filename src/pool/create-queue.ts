import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { Quotas } from '../limits/quotas.ts';
import type { Store } from '../store/store.ts';
import type { Bound, Excess } from '../store/types/quota.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { Lease } from './lease.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Assign } from './ownership.ts';

export type CreateQueue = {
  /** Others of the tenant wait already: a new one must not pass them. */
  hasWaiting(tenant: string): boolean;
  /** `LIMIT_EXCEEDED` when too many of the tenant wait. */
  enqueue(row: Sandbox): Promise<Sandbox>;
  /** There may be room now. */
  admitWaiting(): void;
  /** Takes up those that waited when the server stopped. */
  recover(): Promise<void>;
  dispose(): void;
};

/** What one more sandbox needs room in. */
export const CREATE_METRICS = [
  'concurrentSandboxes',
  'cpuSeconds',
  'memoryMBSeconds',
  'sandboxSeconds',
  'storageMBSeconds',
  'egressBytes',
] as const;

/** Quotas also change with the hour, and by what other servers do. */
const LOOK_MS = 1_000;
const MAX_WAITING = 1_000;

const isExcess = (result: Excess | Sandbox): result is Excess => 'bound' in result;
const isForAll = ({ tenant }: Bound): boolean => tenant === null;

/**
 * Sandboxes that wait for room, as rows of the store. In a round each tenant gets one, the one that was served longest ago first; within
 * a tenant the longest waiting goes first, past those whose own subject has no room.
 */
export const openCreateQueue = ({
  store,
  lease,
  assign,
  quotas,
  lifecycle,
  maxWaitMs,
  clock,
  log,
}: {
  store: Store;
  lease: Lease;
  assign: Assign;
  quotas: Quotas;
  lifecycle: Lifecycle;
  maxWaitMs: number;
  clock: () => number;
  log: Logger;
}): CreateQueue => {
  const waiting = new Map<string, number>();
  const served = new Map<string, number>();
  let turn = 0;
  let looking: Promise<void> | null = null;
  let again = false;

  const count = (rows: readonly Sandbox[]): void => {
    waiting.clear();
    for (const { tenant } of rows) waiting.set(tenant, (waiting.get(tenant) ?? 0) + 1);
    for (const tenant of served.keys()) if (!waiting.has(tenant)) served.delete(tenant);
  };

  const admit = async (row: Sandbox): Promise<Excess | Sandbox | null> => {
    const holder = { ...row, subject: row.createdBy };
    const bounds = await quotas.bounds(holder, CREATE_METRICS);
    // Its life begins now, and is as long as it would have been.
    const now = clock();
    const expiresAt = now + (row.expiresAt - row.createdAt);
    const event = { kind: 'sandbox-created', at: now } as const;
    const admitted = await store.sandboxes.admit(
      row.tenant,
      row.id,
      { ...assign(row.provider), expiresAt },
      { bounds, event },
    );
    if (admitted !== null && !isExcess(admitted))
      lifecycle
        .begin(admitted)
        .catch((error: unknown) =>
          log.warn({ err: error, sandbox: row.id }, 'a sandbox that had waited could not be made'),
        );
    return admitted;
  };

  /** One of a tenant; what cannot be admitted any more in this look is taken out of `rows`. `full`: the server is. */
  const admitOne = async (rows: Sandbox[]): Promise<'admitted' | 'none' | 'full'> => {
    const without = new Set<string>();
    for (const row of [...rows]) {
      if (without.has(row.createdBy)) continue;
      const result = await admit(row);
      if (result === null) rows.splice(rows.indexOf(row), 1);
      else if (!isExcess(result)) {
        rows.splice(rows.indexOf(row), 1);
        return 'admitted';
      } else if (isForAll(result.bound)) return 'full';
      else if (result.bound.subject === null) break;
      else without.add(row.createdBy);
    }
    rows.length = 0;
    return 'none';
  };

  const expire = async (rows: readonly Sandbox[]): Promise<Sandbox[]> => {
    const late = rows.filter(({ queuedAt }) => (queuedAt ?? 0) + maxWaitMs <= clock());
    for (const row of late)
      await lifecycle.finish(
        row,
        'FAILED',
        'QUEUE_TIMEOUT',
        'The sandbox waited too long for a place.',
      );
    return rows.filter((row) => !late.includes(row));
  };

  /** Anybody's, unless this server may be a copy: then only those that it has queued itself. */
  const queued = async (): Promise<Sandbox[]> => {
    const rows = await store.sandboxes.inState('QUEUED');
    return lease.isTrusted() ? rows : rows.filter(({ owner }) => owner === lease.fence.owner);
  };

  const round = async (): Promise<void> => {
    if (!lease.isHeld()) return;
    const rows = await expire(await queued());
    count(rows);
    const byTenant = Map.groupBy(rows, ({ tenant }) => tenant);
    for (let active = [...byTenant.keys()]; active.length; ) {
      active.sort((a, b) => (served.get(a) ?? 0) - (served.get(b) ?? 0));
      for (const tenant of [...active]) {
        const outcome = await admitOne(byTenant.get(tenant) ?? []);
        if (outcome === 'full') return;
        if (outcome === 'admitted') served.set(tenant, ++turn);
        else active = active.filter((one) => one !== tenant);
      }
    }
  };

  const room: CreateQueue = {
    hasWaiting: (tenant) => (waiting.get(tenant) ?? 0) > 0,
    async enqueue(row) {
      if ((waiting.get(row.tenant) ?? 0) >= MAX_WAITING)
        throw new AppError(
          'LIMIT_EXCEEDED',
          `${MAX_WAITING} sandboxes of this tenant wait already. Try again when some of them are ready.`,
          { details: { limit: 'waiting', maximum: MAX_WAITING } },
        );
      waiting.set(row.tenant, (waiting.get(row.tenant) ?? 0) + 1);
      const queued: Sandbox = { ...row, state: 'QUEUED', queuedAt: row.createdAt };
      const ahead = await store.sandboxes.queuedBefore(row.tenant, row.createdAt, row.id);
      const event = { kind: 'sandbox-queued', at: clock(), position: ahead + 1 } as const;
      await store.sandboxes.insert(queued, { event });
      room.admitWaiting();
      return queued;
    },
    admitWaiting() {
      if (looking !== null) {
        again = true;
        return;
      }
      if (waiting.size === 0) return;
      looking = round()
        .catch((error: unknown) => log.error({ err: error }, 'the waiting room failed'))
        .finally(() => {
          looking = null;
          if (again) {
            again = false;
            room.admitWaiting();
          }
        });
    },
    async recover() {
      count(await queued());
      room.admitWaiting();
    },
    dispose: () => clearInterval(timer),
  };
  const timer = setInterval(() => room.admitWaiting(), LOOK_MS).unref();
  return room;
};
