import { AppError } from '../errors.ts';
import { withTimeLimit } from '../lib/time-limit.ts';
import type { SandboxHandle } from '../providers/types/handle.ts';
import type { Bound, Excess } from '../store/types/quota.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { type createAttempts, stopping } from './attempts.ts';
import { finishSurely } from './end.ts';
import { awaitLease } from './lease.ts';
import type { Pool } from './pool.ts';
import { becomeReady, type ReadyOptions } from './ready.ts';

/** A stop waits no longer for creates, whose end has to be written. */
const STOP_MS = 10_000;

export type CreationOptions = ReadyOptions & {
  pool: Pool;
  attempts: ReturnType<typeof createAttempts>;
};

export type Creation = {
  /**
   * The row is written before the provider is asked: what a crash leaves behind is found by its id, and holds its place among the tenant's
   * meanwhile. `written` runs in between. A bound that does not hold is returned, and nothing was written.
   */
  create(
    row: Sandbox,
    bounds: readonly Bound[],
    written: () => Promise<void>,
  ): Promise<Sandbox | Excess>;
  /** Makes one whose row is written as CREATING. At a server that stops its end is written instead: nobody else would do so. */
  begin(row: Sandbox): Promise<Sandbox>;
  /** The create of a sandbox that is under way; undefined when none is. */
  underWay(id: string): Promise<unknown> | undefined;
  /** Resolves when none is under way, or some take too long. */
  settled(): Promise<void>;
};

/** What a create that failed has made and written is undone, as far as it is still this server's to undo. */
const undo = async (
  options: CreationOptions,
  row: Sandbox,
  handle: SandboxHandle | null,
  message: string,
): Promise<Sandbox | null> => {
  const { store, pool, lease, meter, log } = options;
  const { owner, epoch } = lease.fence;
  const now = await store.sandboxes.find(row.tenant, row.id);
  const isAlive = now !== null && now.endedAt === null;
  // A server that was stopped for longer than its lease comes back to a sandbox that another one may have handed out already.
  const isOurs = now?.owner === owner && now.ownerEpoch === epoch;
  const isTaken = isAlive && !isOurs;
  if (isAlive && isOurs) await awaitLease(lease);
  if (isTaken && (now.ref === null || now.ref === handle?.ref)) pool.forget(row.id);
  else
    await handle
      ?.destroy()
      .catch((failure: unknown) =>
        log.error({ err: failure, sandbox: row.id }, 'a half-made sandbox could not be removed'),
      );
  if (isTaken) return now;
  // A row that somebody destroys ends by their reason, not by this one.
  await finishSurely(options, row, { state: 'FAILED', reason: 'CREATE_FAILED', message });
  meter.forget(row.id);
  return null;
};

/**
 * Makes the sandbox of a CREATING row, or removes what was made of it and fails the row. The row as it is when another server has taken it
 * over meanwhile.
 */
const build = async (
  options: CreationOptions,
  row: Sandbox,
  written: () => Promise<void>,
): Promise<Sandbox> => {
  const { attempts, retries, stopped, log } = options;
  let handle: SandboxHandle | null = null;
  try {
    await written();
    const made = await attempts(row, stopped);
    handle = made.handle;
    return await becomeReady(options, made.row, handle);
  } catch (error) {
    const message = error instanceof AppError ? error.message : 'The provider failed.';
    const settle = () => undo(options, row, handle, message);
    const taken = await settle().catch((failure: unknown) => {
      log.error({ err: failure, sandbox: row.id }, 'a failed create could not be undone yet');
      retries.add(row.id, async () => void (await settle()), 'undo');
      return null;
    });
    if (taken) return taken;
    throw error;
  }
};

export const createCreation = (options: CreationOptions): Creation => {
  const { sandboxes } = options.store;
  const creating = new Map<string, Promise<unknown>>();

  /** Known before the row can be seen: who destroys it waits for the create. */
  const known = async <Made>({ id }: Sandbox, begin: () => Promise<Made>): Promise<Made> => {
    const work = begin();
    creating.set(id, work);
    try {
      return await work;
    } finally {
      creating.delete(id);
    }
  };

  return {
    async create(row, bounds, written) {
      const event = { kind: 'sandbox-created', at: row.createdAt } as const;
      if (options.stopped.aborted) throw stopping();
      const insertAndBuild = async (): Promise<Sandbox | Excess> =>
        (await sandboxes.insert(row, { bounds, event })) ?? build(options, row, written);
      return known(row, insertAndBuild);
    },
    begin: (row) => known(row, () => build(options, row, async () => undefined)),
    underWay: (id) => creating.get(id),
    async settled() {
      const all = Promise.allSettled(creating.values());
      const late = () => new Error('Some creates go on.');
      await withTimeLimit(all, STOP_MS, late).catch(() => undefined);
    },
  };
};
