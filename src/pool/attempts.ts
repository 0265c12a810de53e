import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { SandboxHandle } from '../providers/types/handle.ts';
import type { SandboxSpec } from '../providers/types/sandbox.ts';
import type { Store } from '../store/store.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { awaitLease, type Lease } from './lease.ts';
import type { Assign } from './ownership.ts';
import { fitting, mayTryNext, type Placement } from './placement.ts';
import { limitsOf, type Pool } from './pool.ts';

const destroyed = (): AppError =>
  new AppError('TERMINATED', 'The sandbox was destroyed while it was being created.');

/** Also said of creates that come when the server is stopping already. */
export const stopping = (): AppError =>
  new AppError(
    'UNAVAILABLE',
    'The server stopped before the provider had answered. Try again, at another server or when this one is back.',
    { retryAfterMs: 5_000 },
  );

const specOf = (row: Sandbox): SandboxSpec => ({
  id: row.id,
  template: row.template,
  env: row.env,
  limits: limitsOf(row),
  network: { mode: row.networkMode, allow: row.networkAllow },
  expiresAt: row.expiresAt,
  ports: [],
  labels: row.labels,
});

/** Where a row of an older version goes: to the provider it names. */
export const placementOf = ({
  placement,
  provider,
}: Pick<Sandbox, 'placement' | 'provider'>): Placement =>
  (placement as Placement | null) ?? { candidates: [{ provider, reason: null }], attempts: [] };

/**
 * Makes the sandbox of a CREATING row at the first of its candidates that can. Before each is asked the row says that it is: what a crash, or
 * an answer that never came, leaves at a vendor is found by the label and belongs to a row. The attempts are stored with the row.
 */
export const createAttempts = ({
  store,
  pool,
  lease,
  assign,
  clock,
  log,
}: {
  store: Store;
  pool: Pool;
  lease: Lease;
  assign: Assign;
  clock: () => number;
  log: Logger;
}) => {
  const save = async (row: Sandbox, placement: Placement, provider: string): Promise<Sandbox> => {
    const patch = { ...assign(provider), provider, placement };
    const change = { from: ['CREATING'], fence: lease.fence } as const;
    const saved = await store.sandboxes.update(row.tenant, row.id, patch, change);
    if (!saved) throw destroyed();
    return saved;
  };

  /** Another server has taken the row over, and what a provider made of it. */
  const isTaken = async ({ tenant, id }: Sandbox, ref: string): Promise<boolean> => {
    const now = await store.sandboxes.find(tenant, id);
    if (now === null || now.endedAt !== null) return false;
    const { owner, epoch } = lease.fence;
    const isOurs = now.owner === owner && now.ownerEpoch === epoch;
    return now.ref === ref || (now.ref === null && !isOurs);
  };

  /** `stopped`: the server stops, and no provider is waited for any longer. */
  return async (
    first: Sandbox,
    stopped: AbortSignal,
  ): Promise<{ row: Sandbox; handle: SandboxHandle }> => {
    let row = first;
    let placement = placementOf(first);
    const names = fitting(placement).filter((name) => pool.has(name));
    // What is known to be away is asked only when nothing else is left.
    const order = names.toSorted((a, b) => Number(pool.isAway(a)) - Number(pool.isAway(b)));
    let failure: unknown = new AppError(
      'UNAVAILABLE',
      'None of the providers that fit this sandbox is configured on this server.',
    );
    for (const name of order) {
      if (row.provider !== name || placement.attempts.length)
        row = await save(row, placement, name);
      const attempt = (error: string | null): Placement => ({
        ...placement,
        attempts: [...placement.attempts, { provider: name, at: clock(), error }],
      });
      if (stopped.aborted) throw stopping();
      // The last look before the act: what was written may be long ago.
      if (await awaitLease(lease, stopped)) row = await save(row, placement, name);
      try {
        const handle = await pool.create(pool.get(name), specOf(row), {
          signal: stopped,
          isTaken: (ref) => isTaken(row, ref),
        });
        return { row: { ...row, placement: attempt(null) }, handle };
      } catch (error) {
        failure = stopped.aborted ? stopping() : error;
        const said = failure instanceof AppError ? failure.message : 'The provider failed.';
        placement = attempt(said.slice(0, 1_000));
        log.warn({ err: error, sandbox: row.id, provider: name }, 'a provider made no sandbox');
        if (stopped.aborted || !mayTryNext(error)) break;
      }
    }
    await save(row, placement, row.provider);
    throw failure;
  };
};
