import type { Logger } from 'pino';
import type { Store } from '../store/store.ts';
import type { Lease } from './lease.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Pool } from './pool.ts';

const TICK_MS = 1_000;
const WARNING_MS = 60_000;

export type Expiry = {
  dispose(): void;
};

/** Warns 60 s before the end of each sandbox of this server, and ends it at its time. */
export const createExpiry = ({
  store,
  pool,
  lease,
  lifecycle,
  clock,
  log,
}: {
  store: Store;
  pool: Pick<Pool, 'has'>;
  lease: Lease;
  lifecycle: Lifecycle;
  clock: () => number;
  log: Logger;
}): Expiry => {
  const look = async (): Promise<void> => {
    if (!lease.isHeld()) return;
    const now = clock();
    const rows = await store.sandboxes.expiring(lease.fence.owner, now + WARNING_MS);
    for (const row of rows) {
      // Whoever has the provider ends it.
      if (!pool.has(row.provider)) continue;
      if (row.expiresAt <= now) {
        lifecycle
          .destroy(row, 'EXPIRED', 'The sandbox reached its expiration time.')
          .catch((error: unknown) =>
            log.error({ err: error, sandbox: row.id }, 'an expired sandbox could not be destroyed'),
          );
      } else if (row.warnedExpiresAt !== row.expiresAt) {
        // Once for each expiry.
        const { tenant, id, expiresAt, warnedExpiresAt } = row;
        await store.sandboxes.update(
          tenant,
          id,
          { warnedExpiresAt: expiresAt },
          {
            from: ['READY'],
            fence: lease.fence,
            expect: { expiresAt, warnedExpiresAt },
            event: { kind: 'sandbox-expiring', at: now },
          },
        );
      }
    }
  };
  // One timer that looks at the clock: it needs no care for clock jumps or for times beyond setTimeout's 24.8 days.
  const timer = setInterval(() => {
    look().catch((error: unknown) =>
      log.error({ err: error }, 'the look for expired sandboxes failed'),
    );
  }, TICK_MS).unref();

  return { dispose: () => clearInterval(timer) };
};
