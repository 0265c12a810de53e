import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, isAmbiguous } from '../errors.ts';
import type { Store } from '../store/store.ts';

const KEEP_MS = 24 * 3_600_000;
/** A first call that has not claimed an id after this long died with its server. */
const ABANDONED_MS = 60_000;
const POLL_MS = 25;

export type RunOnce = <Row extends { id: string }>(
  call: {
    tenant: string;
    /** A key belongs to its subject: nobody receives what another subject created. */
    subject: string;
    operation: string;
    key: string | undefined;
    parameters: unknown;
  },
  /** `claim` ties the key to an id before the work is done: after a crash in the middle the key still finds it. */
  create: (claim: (id: string) => Promise<void>) => Promise<Row>,
  /** null: the first call failed, and the key is free again. */
  find: (id: string) => Promise<Row | null>,
) => Promise<{ row: Row; replayed: boolean }>;

/** Equal for equal parameters, whatever the order of their keys. */
const fingerprintOf = (parameters: unknown): string => {
  const text = JSON.stringify(parameters, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(text).digest('hex');
};

/** Runs `create` once per key within 24 hours. Another call with the same key waits for the first and shares its result. */
export const createIdempotency = (store: Store, clock: () => number): RunOnce => {
  const running = new Map<string, Promise<{ id: string }>>();

  return async <Row extends { id: string }>(
    { tenant, subject, operation, key: callerKey, parameters }: Parameters<RunOnce>[0],
    create: (claim: (id: string) => Promise<void>) => Promise<Row>,
    find: (id: string) => Promise<Row | null>,
  ) => {
    if (callerKey === undefined)
      return { row: await create(async () => undefined), replayed: false };
    const key = JSON.stringify([subject, callerKey]);
    const name = JSON.stringify([tenant, operation, key]);
    const fingerprint = fingerprintOf(parameters);
    let replace = 0;
    for (;;) {
      const now = clock();
      const first = await store.idempotency.begin(
        { tenant, operation, key, fingerprint, createdAt: now },
        Math.max(now - KEEP_MS, replace),
      );
      if (first === null) break;
      if (first.fingerprint !== fingerprint) {
        throw new AppError(
          'IDEMPOTENCY_CONFLICT',
          `The idempotencyKey was already used for ${operation} with other parameters. Use a new key for a new request.`,
        );
      }
      const inProgress = running.get(name);
      if (inProgress !== undefined) return { row: (await inProgress) as Row, replayed: true };
      const row = first.resultId === null ? null : await find(first.resultId);
      if (row) return { row, replayed: true };
      // One statement of the store takes over exactly the record that was seen: of several callers one becomes the first.
      if (first.resultId !== null || first.createdAt < now - ABANDONED_MS)
        replace = first.createdAt + 1;
      else await sleep(POLL_MS);
    }
    const work = (async () => {
      let claimed = false;
      const claim = async (id: string): Promise<void> => {
        await store.idempotency.complete(tenant, operation, key, id);
        claimed = true;
      };
      try {
        const row = await create(claim);
        if (!claimed) await claim(row.id);
        return row;
      } catch (error) {
        // It may have happened: the key goes on to find it, so that a retry does not do it twice.
        if (claimed && isAmbiguous(error)) throw error;
        // If this fails too, the record is taken over later like one of a call that failed.
        await store.idempotency.forget(tenant, operation, key).catch(() => undefined);
        throw error;
      }
    })();
    running.set(name, work);
    try {
      return { row: await work, replayed: false };
    } finally {
      running.delete(name);
    }
  };
};
