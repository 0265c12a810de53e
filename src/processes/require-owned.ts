import { AppError } from '../errors.ts';
import { awaitLease, type Lease } from '../pool/lease.ts';
import type { Store } from '../store/store.ts';
import type { Process } from '../store/types/process.ts';

/** Why a recording ends here and goes on at another server. */
export const ELSEWHERE = new AppError('UNAVAILABLE', 'Another server looks after the process now.');

/**
 * Resolves while this server looks after the sandbox of a process; rejects, and lets go of it, when another one does. Without the lease
 * another server may have taken it: nothing is recorded until it is held again and the row has been read, which costs time and no output,
 * since the provider keeps what was not acknowledged. `isFound`: the row is read first.
 */
export const createRequireOwned = (
  { store, lease }: { store: Store; lease: Lease },
  { tenant, sandboxId }: Process,
  recording: AbortController,
  isFound: boolean,
): (() => Promise<void>) => {
  let isSure = !isFound;
  return async () => {
    if (!lease.isHeld()) {
      isSure = false;
      await awaitLease(lease, recording.signal);
    }
    if (!isSure) {
      const sandbox = await store.sandboxes.find(tenant, sandboxId);
      if (sandbox?.owner !== lease.fence.owner) recording.abort(ELSEWHERE);
      isSure = true;
    }
    recording.signal.throwIfAborted();
  };
};
