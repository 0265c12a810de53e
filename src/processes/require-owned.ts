import { AppError } from '../errors.ts';
import type { Lease } from '../pool/lease.ts';
import type { Store } from '../store/store.ts';
import type { Process } from '../store/types/process.ts';

/**
 * Resolves while this server looks after the sandbox of a process. Without the lease another server may have taken it: nothing is recorded
 * until it is held again, which costs time and no output, since the provider keeps what was not acknowledged.
 */
export const createRequireOwned =
  (store: Store, lease: Lease) =>
  async (
    { id, tenant, sandboxId }: Process,
    isTracked: () => boolean,
    signal: AbortSignal,
  ): Promise<void> => {
    let isOwned = isTracked();
    if (!lease.isHeld()) {
      await lease.held(signal);
      const sandbox = await store.sandboxes.find(tenant, sandboxId);
      isOwned = isTracked() && sandbox?.owner === lease.fence.owner;
    }
    if (!isOwned)
      throw new AppError('UNAVAILABLE', `Another server looks after the process ${id} now.`);
  };
