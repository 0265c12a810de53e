import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import { eachBounded } from '../lib/bounded.ts';
import type { Retries } from '../lib/retries.ts';
import type { SandboxHandle } from '../providers/provider.ts';
import type { Store } from '../store/store.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Pool } from './pool.ts';

/** Adoptions at once: each waits for a supervisor or a vendor, none should wait for all others. */
const WIDTH = 16;
const GONE = 'It was gone when the server started again.';

/** After a start: adopt what lives, tell of what does not, remove what nobody knows. A provider that fails stops none of it. */
export const recover = async ({
  store,
  pool,
  lifecycle,
  retries,
  clock,
  log,
}: {
  store: Store;
  pool: Pool;
  lifecycle: Lifecycle;
  retries: Retries;
  clock: () => number;
  log: Logger;
}): Promise<void> => {
  /** The provider may have made what it had no time to tell of. */
  const refOf = async ({ id, ref, provider }: Sandbox): Promise<string | null> =>
    ref ?? (await pool.get(provider).list()).find((one) => one.id === id)?.ref ?? null;

  const adopt = async (unplaced: Sandbox): Promise<void> => {
    const row = { ...unplaced, ref: await refOf(unplaced) };
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
      handle = await pool.handle(row);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error;
      return lifecycle.finish(row, 'TERMINATED', 'LOST', GONE);
    }
    await lifecycle.adopt(row, handle);
  };

  const unfinished = await store.sandboxes.unfinished();
  await eachBounded(unfinished, WIDTH, async (row) => {
    await adopt(row).catch((error: unknown) => {
      log.error({ err: error, sandbox: row.id }, 'a sandbox could not be adopted, it is retried');
      retries.add(row.id, async () => {
        const now = await store.sandboxes.find(row.tenant, row.id);
        if (now && now.endedAt === null) await adopt(now);
      });
    });
  });

  const known = new Set(unfinished.map(({ id }) => id));
  for (const provider of pool.providers()) {
    try {
      const orphans = (await provider.list()).filter(({ id }) => !known.has(id));
      await eachBounded(orphans, WIDTH, async ({ id, ref }) => {
        log.warn({ id, ref, provider: provider.name }, 'a sandbox nobody knows is destroyed');
        await (await provider.connect(ref)).destroy();
      });
    } catch (error) {
      log.error(
        { err: error, provider: provider.name },
        'sandboxes nobody knows could not be removed; the next start tries again',
      );
    }
  }
};
