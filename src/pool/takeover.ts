import type { Logger } from 'pino';
import { eachBounded } from '../lib/bounded.ts';
import type { Store } from '../store/store.ts';
import type { OwnedRow } from '../store/types/ownership.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { Identity } from './identity.ts';
import type { Lease } from './lease.ts';
import type { Assign } from './ownership.ts';
import type { Pool } from './pool.ts';

const PAGE = 200;
const WIDTH = 16;

/** Looks after rows from now on; nobody waits for that. */
type Adopt = (rows: readonly Sandbox[]) => void;

export type TakeOverOptions = {
  store: Store;
  pool: Pool;
  lease: Lease;
  identity: Identity;
  assign: Assign;
  /** Gives up a row whose host is gone. */
  giveUp: (row: Sandbox) => Promise<void>;
  hostLostMs: number;
  log: Logger;
};

/** Takes over what no living server owns, and gives up what is bound to a host that is gone. */
export const createTakeOver = ({
  store,
  pool,
  lease,
  identity,
  assign,
  giveUp,
  hostLostMs,
  log,
}: TakeOverOptions) => {
  /**
   * A row that is bound to this host may still be out of this server's reach, since each keeps its own folder of local sandboxes: only what
   * its provider shows it here can be taken from another server. What came with a confirmed copy of the state directory is its own.
   */
  const reachable = async (rows: readonly OwnedRow[]): Promise<OwnedRow[]> => {
    const shown = new Map<string, Promise<Set<string> | null>>();
    const show = (provider: string): Promise<Set<string> | null> => {
      const known = shown.get(provider);
      if (known !== undefined) return known;
      const asked = pool
        .get(provider)
        .list()
        .then(
          (listed) => new Set(listed.map(({ id }) => id)),
          () => null,
        );
      shown.set(provider, asked);
      return asked;
    };
    const decided = await Promise.all(
      rows.map(async (row) => {
        if (!pool.has(row.provider)) return false;
        if (row.host === null || row.owner === null || row.owner === identity.predecessor)
          return true;
        return (await show(row.provider))?.has(row.id) ?? false;
      }),
    );
    return rows.filter((_, index) => decided[index]);
  };

  const take = async (row: OwnedRow, taken: Sandbox[]): Promise<void> => {
    if (!lease.isTrusted()) return;
    const { host } = assign(row.provider);
    const mine = await store.ownership.takeOver(row, lease.fence, host);
    if (!mine) return;
    log.info({ sandbox: row.id, from: row.owner }, 'a sandbox of a dead server was taken over');
    taken.push(mine);
  };

  const takeAll = async (adopt: Adopt): Promise<void> => {
    for (let after = ''; lease.isTrusted(); ) {
      const rows = await store.ownership.abandoned(identity, after, PAGE);
      const taken: Sandbox[] = [];
      try {
        await eachBounded(await reachable(rows), WIDTH, (row) => take(row, taken));
      } finally {
        adopt(taken);
      }
      after = rows.at(-1)?.id ?? after;
      if (rows.length < PAGE) return;
    }
  };

  const giveUpLost = async (): Promise<void> => {
    if (!lease.isTrusted()) return;
    const rows = await store.ownership.unreachable(hostLostMs, PAGE);
    await eachBounded(rows, WIDTH, async (row) => {
      if (!lease.isTrusted()) return;
      log.warn({ sandbox: row.id, host: row.host }, 'the host of a sandbox is gone: it is lost');
      await giveUp(row);
    });
  };

  return async (adopt: Adopt): Promise<void> => {
    await takeAll(adopt);
    await giveUpLost();
  };
};
