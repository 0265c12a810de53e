import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { Retries } from '../lib/retries.ts';
import type { SandboxHandle } from '../providers/types/handle.ts';
import type { Store } from '../store/store.ts';
import type { Bound, Excess } from '../store/types/quota.ts';
import type { Sandbox, SandboxState, TerminationReason } from '../store/types/sandbox.ts';
import type { SandboxChange } from '../store/types/sandbox-store.ts';
import type { Meter } from '../usage/meter.ts';
import type { createAttempts } from './attempts.ts';
import type { Lease } from './lease.ts';
import type { Pool } from './pool.ts';
import type { RequireHere } from './whereabouts.ts';

export type Lifecycle = {
  /**
   * The row is written before the provider is asked: what a crash leaves behind is found by its id, and holds its place among the tenant's
   * meanwhile. `written` runs in between. A bound that does not hold is returned, and nothing was written.
   */
  create(
    row: Sandbox,
    bounds: readonly Bound[],
    written: () => Promise<void>,
  ): Promise<Sandbox | Excess>;
  /** Makes one whose row is written as CREATING. */
  begin(row: Sandbox): Promise<Sandbox>;
  /** One that lives at its provider, after a start of the server. */
  adopt(row: Sandbox, handle: SandboxHandle): Promise<void>;
  /**
   * Returns when nothing is left of it. Idempotent; the first reason counts. A failure is thrown, and retried until it succeeds, or another
   * server looks after it. `WRONG_SERVER` when another one does.
   */
  destroy(row: Sandbox, reason: TerminationReason, message: string): Promise<void>;
  /** Writes the end, and tells of it if it was the first to do so. */
  finish(
    row: Sandbox,
    state: 'TERMINATED' | 'FAILED',
    reason: TerminationReason,
    message: string,
  ): Promise<void>;
  /** Its host is gone for good: its end is written, with that of its processes, unless its owner has come back. */
  giveUp(row: Sandbox): Promise<void>;
  isCreating(id: string): boolean;
  /** Another server looks after it: nothing more is done here. */
  letGo(id: string): void;
  dispose(): void;
};

const HOST_GONE =
  'The sandbox was bound to a host on which no server has run for too long. Its host is given up.';

type End = { state: 'TERMINATED' | 'FAILED'; reason: TerminationReason; message: string };

export const createLifecycle = ({
  store,
  pool,
  attempts,
  lease,
  requireHere,
  meter,
  onSlotFreed,
  retries,
  clock,
  log,
}: {
  store: Store;
  pool: Pool;
  attempts: ReturnType<typeof createAttempts>;
  lease: Lease;
  requireHere: RequireHere;
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

  const writeEnd = async (
    from: readonly SandboxState[],
    { tenant, id }: Sandbox,
    { state, reason, message }: End,
    last: Pick<SandboxChange, 'slice' | 'expect' | 'fence'> = { fence: lease.fence },
  ): Promise<Sandbox | null> => {
    const now = clock();
    const patch = { state, terminationReason: reason, terminationMessage: message, endedAt: now };
    const kind = state === 'FAILED' ? 'sandbox-failed' : 'sandbox-destroyed';
    const event = { kind, at: now } as const;
    const ended = await store.sandboxes.update(tenant, id, patch, { from, event, ...last });
    if (ended) onSlotFreed();
    return ended;
  };
  /** The end, its event and what was not booked yet are written as one. */
  const finishFrom = (from: readonly SandboxState[], row: Sandbox, end: End) =>
    meter.end(row, { measure: false }, (last) =>
      // One that waits is nobody's.
      writeEnd(from, row, end, row.state === 'QUEUED' ? last : { ...last, fence: lease.fence }),
    );
  /** Tried again until the store takes it: the sandbox is gone, and its row says that it lives. */
  const finishSurely = async (row: Sandbox, end: End): Promise<void> => {
    const finish = () => finishFrom(['CREATING', 'READY'], row, end);
    await finish().catch((error: unknown) => {
      log.error({ err: error, sandbox: row.id }, 'the end of a sandbox could not be recorded');
      retries.add(row.id, async () => void (await finish()));
    });
  };

  /** A sandbox that ends without our doing is said to be lost, with what is known. One being destroyed ends by its destroyer. */
  const guard = (row: Sandbox, handle: SandboxHandle): void => {
    void handle.ended.then(async ({ reason, message }) => {
      if (disposed) return;
      if (reason === 'died')
        await finishSurely(row, { state: 'TERMINATED', reason: 'LOST', message });
      // Also of one that was destroyed: it may have been adopted in that very moment.
      meter.forget(row.id);
    });
  };

  const becomeReady = async (row: Sandbox, handle: SandboxHandle): Promise<Sandbox> => {
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
    meter.watch(made, handle);
    guard(made, handle);
    return made;
  };

  const build = async (row: Sandbox, written: () => Promise<void>): Promise<Sandbox> => {
    let handle: SandboxHandle | null = null;
    try {
      await written();
      const made = await attempts(row);
      handle = made.handle;
      return await becomeReady(made.row, handle);
    } catch (error) {
      await handle
        ?.destroy()
        .catch((failure: unknown) =>
          log.error({ err: failure, sandbox: row.id }, 'a half-made sandbox could not be removed'),
        );
      // A row that somebody destroys ends by their reason, not by this one.
      const message = error instanceof AppError ? error.message : 'The provider failed.';
      await finishSurely(row, { state: 'FAILED', reason: 'CREATE_FAILED', message });
      meter.forget(row.id);
      throw error;
    }
  };

  const end = async (row: Sandbox, reason: TerminationReason, message: string): Promise<void> => {
    const { tenant, id } = row;
    const why = {
      terminationReason: row.terminationReason ?? reason,
      terminationMessage: row.terminationMessage ?? message,
    };
    // Why is written with the state: a server that is killed here still tells the first reason. What it used ends here too.
    const marked = await meter.end(row, { measure: true }, (last) =>
      store.sandboxes.update(
        tenant,
        id,
        { state: 'DESTROYING', ...why },
        { from: ['CREATING', 'READY'], fence: lease.fence, ...last },
      ),
    );
    const current = marked ?? (await store.sandboxes.find(tenant, id));
    if (!current || current.endedAt !== null) return;
    // It was not to be marked because it is marked already, or belongs to another server by now.
    if (!marked) await requireHere(current);
    // A create sees the state when the provider has answered, and removes what it made.
    await creating.get(id)?.catch(() => undefined);
    await pool.destroy({ ...row, ref: row.ref ?? current.ref, provider: current.provider });
    await writeEnd(['DESTROYING'], row, {
      state: 'TERMINATED',
      reason: current.terminationReason ?? why.terminationReason,
      message: current.terminationMessage ?? why.terminationMessage,
    });
  };

  /** One that waits is nowhere yet. If it is admitted in this moment, it is destroyed like any other. */
  const leaveQueue = async (row: Sandbox, reason: TerminationReason, message: string) => {
    await finishFrom(['QUEUED'], row, { state: 'TERMINATED', reason, message });
    const now = await store.sandboxes.find(row.tenant, row.id);
    if (now && now.endedAt === null) await lifecycle.destroy(now, reason, message);
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
    create(row, bounds, written) {
      const insertAndBuild = async (): Promise<Sandbox | Excess> =>
        (await store.sandboxes.insert(row, {
          bounds,
          event: { kind: 'sandbox-created', at: row.createdAt },
        })) ?? build(row, written);
      return known(row, insertAndBuild());
    },
    begin: (row) =>
      known(
        row,
        build(row, async () => undefined),
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
      if (row.state === 'QUEUED') return leaveQueue(row, reason, message);
      await requireHere(row);
      const work = end(row, reason, message).finally(() => destroying.delete(row.id));
      destroying.set(row.id, work);
      const again = (): Promise<void> =>
        lifecycle.destroy(row, reason, message).catch((error: unknown) => {
          if (!(error instanceof AppError) || error.code !== 'WRONG_SERVER') throw error;
        });
      work.catch(() => retries.add(row.id, again));
      return work;
    },
    async finish(row, state, reason, message) {
      const how = { state, reason, message };
      const ended = await finishFrom(['QUEUED', 'CREATING', 'READY'], row, how);
      if (!ended) await writeEnd(['DESTROYING'], row, how);
    },
    async giveUp(row) {
      const { tenant, id, owner, ownerEpoch } = row;
      const end = { state: 'TERMINATED', reason: 'LOST', message: HOST_GONE } as const;
      const from = ['CREATING', 'READY', 'DESTROYING'] as const;
      const ended = await meter.end(row, { measure: false }, ({ slice, expect }) =>
        writeEnd(from, row, end, {
          ...(slice ? { slice } : {}),
          expect: { ...expect, owner, ownerEpoch },
        }),
      );
      if (ended) await store.processes.lose(tenant, id, ended.endedAt ?? clock());
    },
    isCreating: (id) => creating.has(id),
    letGo(id) {
      meter.forget(id);
      pool.forget(id);
    },
    dispose() {
      disposed = true;
    },
  };
  return lifecycle;
};
