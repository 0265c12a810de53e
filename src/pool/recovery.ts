import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { Retries } from '../lib/retries.ts';
import type { SandboxHandle } from '../providers/types/handle.ts';
import type { Store } from '../store/store.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { awaitLease, type Lease, notHeld } from './lease.ts';
import type { Lifecycle } from './lifecycle.ts';
import { createListings } from './listings.ts';
import type { Pool } from './pool.ts';

const GONE = 'The sandbox no longer existed at its provider when a server took it up.';

const CUT_OFF = 'The server stopped before the provider had answered.';

/** Retries of many rows at about the same time share one list. Less than the time before the first retry. */
const RETRY_SHARE_MS = 2_000;

export type RecoveryOptions = {
  store: Store;
  pool: Pool;
  lease: Lease;
  lifecycle: Lifecycle;
  retries: Retries;
  clock: () => number;
  log: Logger;
};

/**
 * Takes up a sandbox that another server, or an earlier start of this one, has made: adopts it when it lives, and tells of it when it does
 * not. `since`: when the row came to this server, by the monotonic clock. Never rejects: what fails, or does not answer within its time, is tried again in the background.
 */
export const createRecovery = ({
  store,
  pool,
  lease,
  lifecycle,
  retries,
  clock,
  log,
}: RecoveryOptions) => {
  /** The provider may have made what its server had no time to note. */
  const madeOf = createListings(pool);

  /** The last look before the act: a list and a connection may have taken longer than the lease. */
  const isStillOurs = async ({ tenant, id }: Sandbox): Promise<boolean> => {
    await awaitLease(lease);
    const now = await store.sandboxes.find(tenant, id);
    if (!lease.isHeld()) throw notHeld();
    const { owner, epoch } = lease.fence;
    return now !== null && now.endedAt === null && now.owner === owner && now.ownerEpoch === epoch;
  };

  const adopt = async ({ tenant, id }: Sandbox, since: number): Promise<void> => {
    // Read now: requests are served meanwhile, and it may have been destroyed or have another owner.
    const found = await store.sandboxes.find(tenant, id);
    if (!found || found.endedAt !== null || found.owner !== lease.fence.owner) return;
    if (!lease.isHeld())
      throw new AppError('UNAVAILABLE', 'The lease of this server is not held at the moment.');
    const row = { ...found, ref: found.ref ?? (await madeOf(found, since)) };
    if (row.state === 'DESTROYING')
      return lifecycle.destroy(row, 'USER', 'The sandbox was destroyed.');
    if (row.ref === null) return lifecycle.finish(row, 'FAILED', 'CREATE_FAILED', CUT_OFF);
    if (row.expiresAt <= clock())
      return lifecycle.destroy(row, 'EXPIRED', 'The sandbox reached its expiration time.');
    let handle: SandboxHandle;
    try {
      handle = await pool.handle(row);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error;
      if (row.state === 'CREATING') {
        // Something bears its id and is no sandbox: the create was cut off half-way.
        if (!(await isStillOurs(row))) return;
        await pool.destroy(row);
        return lifecycle.finish(row, 'FAILED', 'CREATE_FAILED', CUT_OFF);
      }
      return lifecycle.finish(row, 'TERMINATED', 'LOST', GONE);
    }
    await lifecycle.adopt(row, handle);
  };

  return async (row: Sandbox, since: number): Promise<void> => {
    await adopt(row, since).catch((error: unknown) => {
      log.error({ err: error, sandbox: row.id }, 'a sandbox could not be adopted, it is retried');
      retries.add(row.id, () => adopt(row, performance.now() - RETRY_SHARE_MS), 'adopt');
    });
  };
};
