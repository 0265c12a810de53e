import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Store } from '../store/store.ts';

export type Retention = { dispose(): Promise<void> };

const ROUND_MS = 60_000;
/** Rows of one transaction: it holds locks, and in SQLite the event loop, for some milliseconds. */
const BATCH = 500;
/** Between batches, so that all others get their turn. */
const PAUSE_MS = 20;
const KEYS_MS = 24 * 3_600_000;

/**
 * Removes what is older than the retention, all the time and in small batches. Several servers may do so at once: who finds a batch gone
 * removes nothing. Sums of the ledger's hours stay, since quotas may be for ever; so do revocations, since a token may live for ever.
 */
export const createRetention = ({
  store,
  retentionMs,
  roundMs = ROUND_MS,
  clock,
  log,
}: {
  store: Store;
  retentionMs: number;
  roundMs?: number;
  clock: () => number;
  log: Logger;
}): Retention => {
  const stop = new AbortController();
  const purges: readonly [string, number, (before: number, limit: number) => Promise<number>][] = [
    ['sandbox events', retentionMs, store.sandboxEvents.purge],
    ['usage events', retentionMs, store.usageEvents.purge],
    ['processes', retentionMs, store.processes.purge],
    ['sandboxes', retentionMs, store.sandboxes.purge],
    ['ledger entries', retentionMs, store.usage.purge],
    ['idempotency keys', KEYS_MS, store.idempotency.purge],
  ];

  const round = async (): Promise<void> => {
    for (const [what, ageMs, purge] of purges) {
      try {
        while (!stop.signal.aborted && (await purge(clock() - ageMs, BATCH)) > 0)
          await sleep(PAUSE_MS, undefined, { ref: false });
      } catch (error) {
        log.warn({ err: error }, `old ${what} could not be removed; the next round tries again`);
      }
    }
  };
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      // Servers that were started together look at different times.
      const wait = roundMs * (0.5 + Math.random());
      await sleep(wait, undefined, { ref: false, signal: stop.signal }).catch(() => undefined);
      await round();
    }
  };
  const running = run();

  return {
    async dispose() {
      stop.abort();
      await running;
    },
  };
};
