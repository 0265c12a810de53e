import { AppError } from '../errors.ts';
import type { Sandbox, TerminationReason } from '../store/types/sandbox.ts';
import type { Creation } from './creation.ts';
import { type EndOptions, finish, writeEnd } from './end.ts';
import { awaitLease } from './lease.ts';
import type { Pool } from './pool.ts';
import type { RequireHere } from './whereabouts.ts';

export type DestructionOptions = EndOptions & {
  pool: Pool;
  requireHere: RequireHere;
  creation: Pick<Creation, 'underWay'>;
};

/**
 * Returns when nothing is left of it. Idempotent; the first reason counts. A failure is thrown, and retried until it succeeds, or another
 * server looks after it. `WRONG_SERVER` when another one does.
 */
export type Destroy = (row: Sandbox, reason: TerminationReason, message: string) => Promise<void>;

/** One that is somewhere: its row says first that it is destroyed, and why. */
const destroyHere = async (
  options: DestructionOptions,
  row: Sandbox,
  reason: TerminationReason,
  message: string,
): Promise<void> => {
  const { store, lease, meter, pool, requireHere, creation } = options;
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
  await creation.underWay(id)?.catch(() => undefined);
  // The last look before the act: what was written may be long ago.
  if (await awaitLease(lease))
    await requireHere((await store.sandboxes.find(tenant, id)) ?? current);
  await pool.destroy({ ...row, ref: row.ref ?? current.ref, provider: current.provider });
  await writeEnd(options, row, ['DESTROYING'], {
    state: 'TERMINATED',
    reason: current.terminationReason ?? why.terminationReason,
    message: current.terminationMessage ?? why.terminationMessage,
  });
};

export type Destruction = {
  destroy: Destroy;
  /** The destruction of the sandbox is under way here. */
  isDestroying(id: string): boolean;
};

export const createDestruction = (options: DestructionOptions): Destruction => {
  const { store, pool, requireHere, retries } = options;
  const destroying = new Map<string, Promise<void>>();

  const begin: Destroy = async (row, reason, message) => {
    if (row.state === 'QUEUED') return leaveQueue(row, reason, message);
    await requireHere(row);
    // Before its row says that it is destroyed: another server may have the provider.
    pool.providerOf(row);
    await destroyHere(options, row, reason, message).catch((error: unknown) => {
      retries.add(row.id, () => destroyUnlessAway(row, reason, message), 'destroy');
      throw error;
    });
  };
  const destroy: Destroy = async (row, reason, message) => {
    const running = destroying.get(row.id);
    if (running !== undefined) return running;
    if (row.endedAt !== null) return;
    // Known before anything is awaited: whoever asks meanwhile waits for this one.
    const work = begin(row, reason, message).finally(() => destroying.delete(row.id));
    destroying.set(row.id, work);
    return work;
  };
  const destroyUnlessAway: Destroy = (row, reason, message) =>
    destroy(row, reason, message).catch((error: unknown) => {
      if (!(error instanceof AppError) || error.code !== 'WRONG_SERVER') throw error;
    });
  /** One that waits is nowhere yet. If it is admitted in this moment, it is destroyed like any other. */
  const leaveQueue: Destroy = async (row, reason, message) => {
    await finish(options, row, ['QUEUED'], { state: 'TERMINATED', reason, message });
    const now = await store.sandboxes.find(row.tenant, row.id);
    if (now && now.endedAt === null) await begin(now, reason, message);
  };
  return { destroy, isDestroying: (id) => destroying.has(id) };
};
