import { AppError } from '../errors.ts';
import type { SandboxHandle } from '../providers/types/handle.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { type EndOptions, finishSurely } from './end.ts';

export type ReadyOptions = EndOptions & {
  /** Aborted: this server looks after nothing any more. */
  stopped: AbortSignal;
};

/**
 * From now on its use is booked. One that ends without our doing is said to be lost, with what is known; one being destroyed ends by its
 * destroyer.
 */
export const watchReady = (options: ReadyOptions, row: Sandbox, handle: SandboxHandle): void => {
  const { meter, stopped } = options;
  meter.watch(row, handle);
  void handle.ended.then(async ({ reason, message }) => {
    if (stopped.aborted) return;
    if (reason === 'died')
      await finishSurely(options, row, { state: 'TERMINATED', reason: 'LOST', message });
    // Also of one that was destroyed: it may have been adopted in that very moment.
    meter.forget(row.id);
  });
};

/** From CREATING to READY; `TERMINATED` when it was destroyed in between. */
export const becomeReady = async (
  options: ReadyOptions,
  row: Sandbox,
  handle: SandboxHandle,
): Promise<Sandbox> => {
  const { store, lease, clock } = options;
  const now = clock();
  const { placement } = row;
  const patch = { ref: handle.ref, readyAt: now, bookedAt: now, placement };
  const ready = { ...patch, state: 'READY' } as const;
  const made = await store.sandboxes.update(row.tenant, row.id, ready, {
    from: ['CREATING'],
    fence: lease.fence,
    event: { kind: 'sandbox-ready', at: now },
  });
  if (!made)
    throw new AppError('TERMINATED', 'The sandbox was destroyed while it was being created.');
  watchReady(options, made, handle);
  return made;
};
