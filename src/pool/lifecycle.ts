import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { Retries } from '../lib/retries.ts';
import type { Provider, SandboxHandle } from '../providers/provider.ts';
import type { Store } from '../store/store.ts';
import type { Bound, Excess } from '../store/types/quota.ts';
import type { Sandbox, SandboxState, TerminationReason } from '../store/types/sandbox.ts';
import type { Meter } from '../usage/meter.ts';
import type { Pool } from './pool.ts';

export type Lifecycle = {
  /**
   * The row is written before the provider is asked: what a crash leaves behind is found by its id, and holds its place among the tenant's
   * meanwhile. `written` runs in between. A bound that does not hold is returned, and nothing was written.
   */
  create(
    provider: Provider,
    row: Sandbox,
    bounds: readonly Bound[],
    written: () => Promise<void>,
  ): Promise<Sandbox | Excess>;
  /** Makes one whose row is written as CREATING. */
  begin(provider: Provider, row: Sandbox): Promise<Sandbox>;
  /** One that lives at its provider, after a start of the server. */
  adopt(row: Sandbox, handle: SandboxHandle): Promise<void>;
  /** Returns when nothing is left of it. Idempotent; the first reason counts. A failure is thrown, and retried until it succeeds. */
  destroy(row: Sandbox, reason: TerminationReason, message: string): Promise<void>;
  /** Writes the end, and tells of it if it was the first to do so. */
  finish(
    row: Sandbox,
    state: 'TERMINATED' | 'FAILED',
    reason: TerminationReason,
    message: string,
  ): Promise<void>;
  dispose(): void;
};

export const createLifecycle = ({
  store,
  pool,
  meter,
  onSlotFreed,
  retries,
  clock,
  log,
}: {
  store: Store;
  pool: Pool;
  meter: Meter;
  /** One has ended: there may be room for another. */
  onSlotFreed: () => void;
  retries: Retries;
  clock: () => number;
  log: Logger;
}): Lifecycle => {
  const creating = new Map<string, Promise<unknown>>();
  const destroying = new Map<string, Promise<void>>();
  let disposed = false;

  const finishFrom = async (
    from: readonly SandboxState[],
    { tenant, id }: Sandbox,
    state: 'TERMINATED' | 'FAILED',
    reason: TerminationReason,
    message: string,
  ): Promise<void> => {
    const now = clock();
    const patch = {
      state,
      terminationReason: reason,
      terminationMessage: message,
      endedAt: now,
    };
    const kind = state === 'FAILED' ? 'sandbox-failed' : 'sandbox-destroyed';
    const ended = await store.sandboxes.update(tenant, id, patch, {
      from,
      event: { kind, at: now },
    });
    if (ended) onSlotFreed();
  };

  /** A sandbox that ends without our doing is said to be lost, with what is known. One being destroyed ends by its destroyer. */
  const guard = (row: Sandbox, handle: SandboxHandle): void => {
    void handle.ended
      .then(async ({ reason, message }) => {
        if (disposed) return;
        // Also of one that was destroyed: it may have been adopted in that very moment.
        await meter.close(row.id, false);
        if (reason !== 'died') return;
        await finishFrom(['CREATING', 'READY'], row, 'TERMINATED', 'LOST', message);
      })
      .catch((error: unknown) =>
        log.error({ err: error, sandbox: row.id }, 'could not record the end of a sandbox'),
      );
  };

  const becomeReady = async (row: Sandbox, handle: SandboxHandle): Promise<Sandbox> => {
    const now = clock();
    const ready = { ref: handle.ref, state: 'READY', readyAt: now, bookedAt: now } as const;
    const made = await store.sandboxes.update(row.tenant, row.id, ready, {
      from: ['CREATING'],
      event: { kind: 'sandbox-ready', at: now },
    });
    if (!made)
      throw new AppError('TERMINATED', 'The sandbox was destroyed while it was being created.');
    meter.watch(made, handle);
    guard(made, handle);
    return made;
  };

  const build = async (
    provider: Provider,
    row: Sandbox,
    written: () => Promise<void>,
  ): Promise<Sandbox> => {
    let handle: SandboxHandle | null = null;
    try {
      await written();
      handle = await pool.create(provider, {
        id: row.id,
        template: row.template,
        env: row.env,
        limits: {
          cpus: row.cpus,
          memoryBytes: row.memoryBytes,
          diskBytes: row.diskBytes,
          processes: row.maxProcesses,
        },
        network: { mode: row.networkMode, allow: row.networkAllow },
      });
      return await becomeReady(row, handle);
    } catch (error) {
      const report = (failure: unknown): void =>
        log.error({ err: failure, sandbox: row.id }, 'a half-made sandbox could not be removed');
      await meter.close(row.id, true);
      await handle?.destroy().catch(report);
      // From CREATING and READY only: a row that somebody destroys ends by their reason, not by this one.
      await finishFrom(
        ['CREATING', 'READY'],
        row,
        'FAILED',
        'CREATE_FAILED',
        error instanceof AppError ? error.message : 'The provider failed.',
      ).catch(report);
      throw error;
    }
  };

  const end = async (row: Sandbox, reason: TerminationReason, message: string): Promise<void> => {
    const { tenant, id } = row;
    const why = {
      terminationReason: row.terminationReason ?? reason,
      terminationMessage: row.terminationMessage ?? message,
    };
    // Why is written with the state: a server that is killed here still tells the first reason.
    await store.sandboxes.update(
      tenant,
      id,
      { state: 'DESTROYING', ...why },
      { from: ['QUEUED', 'CREATING', 'READY'] },
    );
    // A create sees the state when the provider has answered, and removes what it made.
    await creating.get(id)?.catch(() => undefined);
    await meter.close(id, true);
    await pool.handle(row).then(
      (handle) => handle.destroy(),
      (error: unknown) => {
        if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error;
      },
    );
    await lifecycle.finish(row, 'TERMINATED', why.terminationReason, why.terminationMessage);
  };

  /** Known before the row can be seen: who destroys it waits for the create. */
  const known = async <Made>({ id }: Sandbox, work: Promise<Made>): Promise<Made> => {
    creating.set(id, work);
    try {
      return await work;
    } finally {
      creating.delete(id);
    }
  };

  const lifecycle: Lifecycle = {
    create(provider, row, bounds, written) {
      const insertAndBuild = async (): Promise<Sandbox | Excess> =>
        (await store.sandboxes.insert(row, {
          bounds,
          event: { kind: 'sandbox-created', at: row.createdAt },
        })) ?? build(provider, row, written);
      return known(row, insertAndBuild());
    },
    begin: (provider, row) =>
      known(
        row,
        build(provider, row, async () => undefined),
      ),
    async adopt(row, handle) {
      if (row.state === 'CREATING') await becomeReady(row, handle);
      else {
        meter.watch(row, handle);
        guard(row, handle);
      }
    },
    async destroy(row, reason, message) {
      const running = destroying.get(row.id);
      if (running !== undefined) return running;
      if (row.endedAt !== null) return;
      const work = end(row, reason, message).finally(() => destroying.delete(row.id));
      destroying.set(row.id, work);
      work.catch(() => retries.add(row.id, () => lifecycle.destroy(row, reason, message)));
      return work;
    },
    finish: (row, ...how) => finishFrom(['QUEUED', 'CREATING', 'READY', 'DESTROYING'], row, ...how),
    dispose() {
      disposed = true;
    },
  };
  return lifecycle;
};
