import type { Logger } from 'pino';
import { createRetries } from '../lib/retries.ts';
import type { Quotas } from '../limits/quotas.ts';
import type { Store } from '../store/store.ts';
import type { Meter } from '../usage/meter.ts';
import { createAttempts, placementOf } from './attempts.ts';
import { openCreateQueue } from './create-queue.ts';
import { createExpiry } from './expiry.ts';
import { createKeeper } from './keeper.ts';
import { createLifecycle } from './lifecycle.ts';
import { assignTo, type Ownership } from './ownership.ts';
import { fitting } from './placement.ts';
import type { Pool } from './pool.ts';
import { createReaper } from './reaper.ts';
import { createRecovery } from './recovery.ts';
import { createTakeOver } from './takeover.ts';
import { createRequireHere } from './whereabouts.ts';

/** The life of sandboxes on this server, from the waiting for a place to the removal of what is left at a vendor. */
export const keepSandboxes = ({
  store,
  pool,
  ownership,
  quotas,
  meter,
  maxWaitMs,
  clock,
  log,
}: {
  store: Store;
  pool: Pool;
  ownership: Ownership;
  quotas: Quotas;
  meter: Meter;
  maxWaitMs: number;
  clock: () => number;
  log: Logger;
}) => {
  const { identity, lease, leaseMs, hostLostMs } = ownership;
  const retries = createRetries((sandbox, error) =>
    log.warn({ err: error, sandbox }, 'a retry failed'),
  );
  const requireHere = createRequireHere(store.servers, lease);
  const assign = assignTo(ownership, pool);
  const common = { store, pool, lease, identity, clock, log };
  const attempts = createAttempts({ ...common, assign });
  const onSlotFreed = (): void => createQueue.admitWaiting();
  const lifecycle = createLifecycle({
    ...common,
    ...{ attempts, requireHere, meter, onSlotFreed, retries },
  });
  const createQueue = openCreateQueue({
    canMake: (row) => fitting(placementOf(row)).some(pool.has),
    ...{ store, lease, assign, quotas, lifecycle, maxWaitMs, clock, log },
  });
  const expiry = createExpiry({ store, pool, lease, lifecycle, clock, log });
  const recover = createRecovery({ ...common, lifecycle, retries });
  const reap = createReaper(common);
  const takeOver = createTakeOver({ ...common, assign, giveUp: lifecycle.giveUp, hostLostMs });
  const keeper = createKeeper({
    ...{ store, pool, lease, lifecycle, createQueue, recover, takeOver, reap, leaseMs, log },
  });
  const stopCreating = async (): Promise<void> => {
    // What the queue has just admitted is given up with the other creates.
    await createQueue.dispose();
    await lifecycle.dispose();
  };
  return {
    lifecycle,
    createQueue,
    keeper,
    requireHere,
    assign,
    stopCreating,
    async dispose() {
      expiry.dispose();
      retries.dispose();
      await Promise.all([stopCreating(), keeper.dispose()]);
    },
  };
};
