import type { SandboxHandle } from '../providers/types/handle.ts';
import type { Sandbox, TerminationReason } from '../store/types/sandbox.ts';
import { type Creation, type CreationOptions, createCreation } from './creation.ts';
import { createDestruction, type Destroy, type DestructionOptions } from './destruction.ts';
import { finish, giveUp, writeEnd } from './end.ts';
import { becomeReady, watchReady } from './ready.ts';

export type Lifecycle = Pick<Creation, 'create' | 'begin'> & {
  /** One that lives at its provider, after a start of the server. */
  adopt(row: Sandbox, handle: SandboxHandle): Promise<void>;
  destroy: Destroy;
  /** Writes the end, and tells of it if it was the first to do so. */
  finish(
    row: Sandbox,
    state: 'TERMINATED' | 'FAILED',
    reason: TerminationReason,
    message: string,
  ): Promise<void>;
  /** Fails one that has waited for room for too long, unless it waits no longer. */
  failQueued(row: Pick<Sandbox, 'id' | 'tenant'>, message: string): Promise<void>;
  /** Its host is gone for good: its end is written, with that of its processes, unless its owner has come back. */
  giveUp(row: Sandbox): Promise<void>;
  /** Its create, its destruction or a retry of either is under way here. */
  isBusy(id: string): boolean;
  /** Another server looks after it: nothing more is done here. */
  letGo(id: string): void;
  /** Gives up what is being created, and resolves when that is written. */
  dispose(): Promise<void>;
};

export type LifecycleOptions = Omit<CreationOptions & DestructionOptions, 'creation' | 'stopped'>;

/** What happens to a sandbox from its row to its end, as far as this server looks after it. */
export const createLifecycle = (parts: LifecycleOptions): Lifecycle => {
  const { meter, pool } = parts;
  const stop = new AbortController();
  const options = { ...parts, stopped: stop.signal };
  const creation = createCreation(options);
  const { destroy, isDestroying } = createDestruction({ ...options, creation });
  return {
    create: creation.create,
    begin: creation.begin,
    async adopt(row, handle) {
      if (row.state === 'CREATING') await becomeReady(options, row, handle);
      else watchReady(options, row, handle);
    },
    destroy,
    async finish(row, state, reason, message) {
      const end = { state, reason, message };
      const ended = await finish(options, row, ['CREATING', 'READY'], end);
      if (!ended) await writeEnd(options, row, ['DESTROYING'], end);
    },
    // By now it may be another server's that has admitted it: only a row that waits is anybody's to end. It has used nothing.
    async failQueued(row, message) {
      const end = { state: 'FAILED', reason: 'QUEUE_TIMEOUT', message } as const;
      await writeEnd(options, row, ['QUEUED'], end, {});
    },
    giveUp: (row) => giveUp(options, row),
    isBusy: (id) =>
      creation.underWay(id) !== undefined || isDestroying(id) || parts.retries.has(id),
    letGo(id) {
      meter.forget(id);
      pool.forget(id);
    },
    async dispose() {
      stop.abort();
      await creation.settled();
    },
  };
};
