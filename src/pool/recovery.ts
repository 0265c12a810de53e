import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import { eachBounded } from '../lib/bounded.ts';
import type { Retries } from '../lib/retries.ts';
import { withTimeLimit } from '../lib/time-limit.ts';
import type { Provider, ProviderSandbox, SandboxHandle } from '../providers/provider.ts';
import type { Store } from '../store/store.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Pool } from './pool.ts';

/** Adoptions at once: each waits for a supervisor or a vendor, none should wait for all others. */
const WIDTH = 16;
/** One that takes longer is tried again later. */
const ADOPTION_MS = 15_000;
const GONE = 'It was gone when the server started again.';

const limited = <Value>(work: Promise<Value>, what: string): Promise<Value> =>
  withTimeLimit(
    work,
    ADOPTION_MS,
    () => new AppError('UNAVAILABLE', `${what} did not answer within ${ADOPTION_MS / 1_000} s.`),
  );

export type RecoveryOptions = {
  /** As they were before this server took requests: what it makes itself is not among them. */
  rows: readonly Sandbox[];
  /** Stops what is not begun yet. */
  signal?: AbortSignal | undefined;
  store: Store;
  pool: Pool;
  lifecycle: Lifecycle;
  retries: Retries;
  clock: () => number;
  log: Logger;
};

/** After a start: adopt what lives, tell of what does not, remove what nobody knows. A provider or a sandbox that fails stops none of it. */
export const recover = async ({
  rows,
  signal,
  store,
  pool,
  lifecycle,
  retries,
  clock,
  log,
}: RecoveryOptions): Promise<void> => {
  const list = (provider: Provider): Promise<readonly ProviderSandbox[]> =>
    limited(provider.list(), `The provider ${provider.name}`);
  /** The provider may have made what it had no time to tell of. */
  const refOf = async ({ id, ref, provider }: Sandbox): Promise<string | null> =>
    ref ?? (await list(pool.get(provider))).find((one) => one.id === id)?.ref ?? null;

  const adopt = async ({ tenant, id }: Sandbox): Promise<void> => {
    // Read now: requests are served meanwhile, and it may have been destroyed.
    const found = await store.sandboxes.find(tenant, id);
    if (!found || found.endedAt !== null || signal?.aborted) return;
    const row = { ...found, ref: await refOf(found) };
    if (row.state === 'DESTROYING') return lifecycle.destroy(row, 'USER', 'Destroyed.');
    if (row.ref === null)
      return lifecycle.finish(
        row,
        'FAILED',
        'CREATE_FAILED',
        'The server stopped before the provider answered.',
      );
    if (row.expiresAt <= clock()) return lifecycle.destroy(row, 'EXPIRED', 'Its time was over.');
    let handle: SandboxHandle;
    try {
      handle = await limited(pool.handle(row), `The sandbox ${id}`);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error;
      return lifecycle.finish(row, 'TERMINATED', 'LOST', GONE);
    }
    await lifecycle.adopt(row, handle);
  };

  await eachBounded(rows, WIDTH, async (row) => {
    if (signal?.aborted) return;
    await adopt(row).catch((error: unknown) => {
      log.error({ err: error, sandbox: row.id }, 'a sandbox could not be adopted, it is retried');
      retries.add(row.id, () => adopt(row));
    });
  });

  for (const provider of pool.providers()) {
    try {
      // Listed first: whatever this server makes meanwhile has its row before the provider is asked.
      const listed = await list(provider);
      const known = new Set((await store.sandboxes.unfinished()).map(({ id }) => id));
      const orphans = listed.filter(({ id }) => !known.has(id));
      await eachBounded(orphans, WIDTH, async ({ id, ref }) => {
        if (signal?.aborted) return;
        log.warn({ id, ref, provider: provider.name }, 'a sandbox nobody knows is destroyed');
        const destroy = async (): Promise<void> => (await provider.connect(ref)).destroy();
        await limited(destroy(), `The sandbox ${ref}`).catch((error: unknown) =>
          log.error(
            { err: error, ref, provider: provider.name },
            'a sandbox nobody knows could not be removed; the next start tries again',
          ),
        );
      });
    } catch (error) {
      log.error(
        { err: error, provider: provider.name },
        'sandboxes nobody knows could not be removed; the next start tries again',
      );
    }
  }
};
