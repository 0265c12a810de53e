import type { Logger } from 'pino';
import { eachBounded } from '../lib/bounded.ts';
import type { CompleteProvider } from '../providers/types/provider.ts';
import type { Listed } from '../providers/types/sandbox.ts';
import type { Store } from '../store/store.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { everyTenant } from '../store/types/scope.ts';
import type { Identity } from './identity.ts';
import type { Lease } from './lease.ts';
import type { Pool } from './pool.ts';

const WIDTH = 8;

export type Verdict = 'keep' | 'destroy' | 'unknown';

/**
 * What becomes of a sandbox at a vendor. Only what the database holds an intent for is destroyed: its row has ended, or is another sandbox by
 * now (a create that was given up, and answered after all). `unknown`: no row tells of it, so that it may be anybody's.
 */
export const judge = (listed: Listed, provider: string, row: Sandbox | null): Verdict => {
  if (!row) return 'unknown';
  if (row.endedAt !== null) return 'destroy';
  if (row.state === 'CREATING' || row.state === 'QUEUED') return 'keep';
  return row.provider === provider && (row.ref === null || row.ref === listed.ref)
    ? 'keep'
    : 'destroy';
};

export type ReaperOptions = {
  store: Store;
  pool: Pool;
  lease: Lease;
  identity: Identity;
  clock: () => number;
  log: Logger;
};

/** Removes what is left at vendors of sandboxes that have ended, and reports what nobody knows. */
export const createReaper = ({ store, pool, lease, identity, clock, log }: ReaperOptions) => {
  const reported = new Set<string>();

  const destroy = async (provider: CompleteProvider, { ref, id }: Listed): Promise<void> => {
    // The last look before the act: what was judged may be long ago.
    if (!lease.isTrusted()) return;
    log.info({ sandbox: id, ref, provider: provider.name }, 'the rest of a sandbox is removed');
    await provider
      .destroy(ref)
      .catch((error: unknown) =>
        log.error(
          { err: error, sandbox: id, ref, provider: provider.name },
          'the rest of a sandbox could not be removed, it is tried again',
        ),
      );
  };

  const report = async (provider: CompleteProvider, unknown: readonly Listed[]): Promise<void> => {
    for (const { ref, id } of unknown) {
      if (reported.has(ref)) continue;
      reported.add(ref);
      log.warn(
        { sandbox: id, ref, provider: provider.name },
        'a sandbox of this deployment is in no row; see "sandbank orphans list"',
      );
    }
    const foundAt = clock();
    const found = unknown.map(({ ref, id }) => ({ ref, id, foundAt }));
    await store.orphans.found(identity.id, provider.name, found);
  };

  /** Those that an operator wants removed and that are still in no row. */
  const condemned = async (
    provider: CompleteProvider,
    unknown: readonly Listed[],
  ): Promise<Listed[]> => {
    const marked = (await store.orphans.list())
      .filter((orphan) => orphan.provider === provider.name && orphan.removeAt !== null)
      .map(({ ref }) => ref);
    return unknown.filter(({ ref }) => marked.includes(ref));
  };

  const reapOne = async (provider: CompleteProvider): Promise<void> => {
    // Listed first: what is made meanwhile has its row before the vendor is asked.
    const listed = await provider.list();
    const rows = await store.sandboxes.findMany(
      everyTenant,
      listed.map(({ id }) => id),
    );
    const judged = listed.map((one, index) => ({
      one,
      verdict: judge(one, provider.name, rows[index] ?? null),
    }));
    const of = (verdict: Verdict) =>
      judged.filter((each) => each.verdict === verdict).map(({ one }) => one);
    const unknown = of('unknown');
    await report(provider, unknown);
    const doomed = [...of('destroy'), ...(await condemned(provider, unknown))];
    await eachBounded(doomed, WIDTH, (one) => destroy(provider, one));
  };

  /** All providers, or the named one; each by itself: one that hangs or fails delays none of the others. Never rejects. */
  return async (only?: string): Promise<void> => {
    if (!lease.isTrusted()) return;
    await Promise.all(
      pool
        .providers()
        .filter(({ name }) => only === undefined || name === only)
        .map((provider) =>
          reapOne(provider).catch((error: unknown) =>
            log.error(
              { err: error, provider: provider.name },
              'the sandboxes of a provider could not be compared with the database, it is tried again',
            ),
          ),
        ),
    );
  };
};
