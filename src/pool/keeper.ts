import type { Logger } from 'pino';
import { withTimeLimit } from '../lib/time-limit.ts';
import type { Store } from '../store/store.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { everyTenant } from '../store/types/scope.ts';
import { createAdoptions } from './adoptions.ts';
import type { CreateQueue } from './create-queue.ts';
import type { Lease } from './lease.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Pool } from './pool.ts';

/** What is left of lost sandboxes is removed before living ones are taken up; one that cannot be removed does not hold them up longer. */
const FIRST_REAP_MS = 20_000;
/** Others' rows are looked at once a lease, vendors are asked for their lists half as often. */
const TURNS_PER_REAP = 2;
const STOP_MS = 3_000;

/** What a sandbox's processes need when it comes to this server, or leaves it. */
export type ProcessKeeper = {
  /** Takes up the running processes of the sandboxes of this server, or of one of them. */
  takeUp(sandboxId?: string): Promise<void>;
  /** Another server looks after the sandbox: nothing is recorded any more. */
  letGo(sandboxId: string): void;
};

export type Keeper = {
  /** Before the first request: what this server owned before is its own again. Returns what has to be taken up. */
  prepare(): Promise<readonly Sandbox[]>;
  /** Takes up those rows, and from then on what nobody looks after. Resolves when each was tried once; never rejects. */
  start(rows: readonly Sandbox[], processes: ProcessKeeper): Promise<void>;
  dispose(): Promise<void>;
};

export type KeeperOptions = {
  store: Store;
  pool: Pool;
  lease: Lease;
  lifecycle: Lifecycle;
  createQueue: CreateQueue;
  recover: (row: Sandbox, since: number) => Promise<void>;
  takeOver: (adopt: (rows: readonly Sandbox[]) => void) => Promise<void>;
  /** At all providers, or at one of them. */
  reap: (provider?: string) => Promise<void>;
  leaseMs: number;
  log: Logger;
};

/** Looks after rows for as long as the server runs: its own after a start, those of servers that died, and what ended ones left behind. */
export const createKeeper = ({
  store,
  pool,
  lease,
  lifecycle,
  createQueue,
  recover,
  takeOver,
  reap,
  leaseMs,
  log,
}: KeeperOptions): Keeper => {
  let processes: ProcessKeeper | null = null;
  let timer: NodeJS.Timeout | undefined;
  let turn: Promise<void> | null = null;
  let reaping: Promise<void> | null = null;
  let turns = 0;
  let disposed = false;

  const attempt = async (what: string, work: () => Promise<void> | undefined): Promise<void> => {
    try {
      await work();
    } catch (error) {
      log.error({ err: error }, `${what} failed, it is tried again`);
    }
  };

  const { adoptAll, adoptIdle, adopting, settled, inBackground } = createAdoptions({
    ...{ recover, lifecycle, log },
    async takeUpProcesses(id) {
      if (!disposed)
        await attempt('taking up the processes of a sandbox', () => processes?.takeUp(id));
    },
    isDisposed: () => disposed,
  });

  /**
   * What others have taken while this server had no lease is let go. Also at every turn: a take-over that was under way when the lease came
   * back is seen only afterwards.
   */
  const reconcile = async (): Promise<void> => {
    // Those of before the question: what is made meanwhile is not missing from the answer.
    const connected = pool.connected().filter((id) => !lifecycle.isBusy(id));
    const rows = await store.ownership.owned(lease.fence);
    const owned = new Set(rows.map(({ id }) => id));
    const missing = connected.filter((id) => !owned.has(id));
    for (const row of await store.sandboxes.findMany(everyTenant, missing)) {
      if (!row || row.owner === lease.fence.owner) continue;
      log.warn({ sandbox: row.id }, 'a sandbox has another owner now, it is let go');
      processes?.letGo(row.id);
      lifecycle.letGo(row.id);
    }
    if (lease.isHeld() && !disposed) adoptIdle(rows.filter(({ provider }) => pool.has(provider)));
  };
  const reconcileSafely = (): Promise<void> => attempt('the look at what is owned', reconcile);
  lease.onRegained(() => void reconcileSafely());

  const takeTurn = async (): Promise<void> => {
    if (lease.isHeld()) await reconcileSafely();
    await attempt('taking over sandboxes', () => takeOver((rows) => inBackground(adoptAll(rows))));
    turns += 1;
    // Not waited for: a vendor that hangs does not keep others' rows from being taken over.
    if (turns % TURNS_PER_REAP === 0)
      reaping ??= reap().finally(() => {
        reaping = null;
      });
  };

  return {
    async prepare() {
      const here = pool.providers().map(({ name }) => name);
      await store.ownership.release(lease.fence.owner, here);
      await store.ownership.takeBack(lease.fence);
      const rows = await store.ownership.owned(lease.fence);
      const away = rows.filter(({ provider }) => !pool.has(provider));
      if (away.length)
        log.warn(
          { sandboxes: away.length, providers: [...new Set(away.map(({ provider }) => provider))] },
          'sandboxes of this server are at providers that are not in SANDBANK_PROVIDERS: until they are, nothing is done with them',
        );
      return rows.filter(({ provider }) => pool.has(provider));
    },
    async start(rows, keeper) {
      processes = keeper;
      // Those that waited go first: a new one must not pass them.
      createQueue.admitWaiting();
      adopting(rows);
      timer = setInterval(() => {
        turn ??= takeTurn().finally(() => {
          turn = null;
        });
      }, leaseMs / 2).unref();
      const clear = (provider: string): Promise<void> =>
        attempt('removing what lost sandboxes left', () =>
          withTimeLimit(reap(provider), FIRST_REAP_MS, () => new Error('It takes long.')),
        );
      const used = new Set(rows.map(({ provider }) => provider));
      const others = pool.providers().filter(({ name }) => !used.has(name));
      await Promise.all([adoptAll(rows, clear), ...others.map(({ name }) => clear(name))]);
      // What is left: of sandboxes that have ended.
      await attempt('taking up processes', async () => {
        if (!disposed) await keeper.takeUp();
      });
    },
    async dispose() {
      disposed = true;
      clearInterval(timer);
      // One that waits for a provider does not hold up the stop.
      const all = Promise.all([turn, reaping, settled()]);
      await withTimeLimit(all, STOP_MS, () => new Error('It is left.')).catch(() => undefined);
    },
  };
};
