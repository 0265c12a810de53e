import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { eachBounded } from '../lib/bounded.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { Lifecycle } from './lifecycle.ts';

/** Of one provider at once: each waits for a supervisor or a vendor, none should wait for all others. */
const WIDTH = 16;

/** The taking up of rows that come to this server, or that nobody here works on. */
export type Adoptions = {
  /** These will be taken up soon: nobody else need do so. */
  adopting(rows: readonly Sandbox[]): void;
  /** `before`: what is done first at each of their providers. Never rejects. */
  adoptAll(rows: readonly Sandbox[], before?: (provider: string) => Promise<void>): Promise<void>;
  /** Looks at all rows of this server for those that were forgotten, and takes them up in the background. */
  adoptIdle(owned: readonly Sandbox[]): void;
  inBackground(work: Promise<void>): void;
  /** Resolves when nothing goes on in the background. */
  settled(): Promise<void>;
};

export const createAdoptions = ({
  recover,
  takeUpProcesses,
  lifecycle,
  isDisposed,
  log,
}: {
  /** Never rejects. */
  recover: (row: Sandbox, since: number) => Promise<void>;
  /** Never rejects. */
  takeUpProcesses: (sandboxId: string) => Promise<void>;
  lifecycle: Pick<Lifecycle, 'isBusy'>;
  isDisposed: () => boolean;
  log: Logger;
}): Adoptions => {
  /** Rows that are being taken up, or wait for that. */
  const pending = new Set<string>();
  /** Rows on their way to READY or to their end that nobody here worked on at the last look. */
  let idle = new Set<string>();
  const background = new Set<Promise<void>>();
  const inBackground = (work: Promise<void>): void => {
    background.add(work);
    void work.finally(() => background.delete(work));
  };

  const adopt = async (row: Sandbox, since: number): Promise<void> => {
    try {
      if (isDisposed()) return;
      await recover(row, since);
      await takeUpProcesses(row.id);
    } finally {
      pending.delete(row.id);
    }
  };
  const adopting = (rows: readonly Sandbox[]): void => {
    for (const { id } of rows) pending.add(id);
  };
  /** Those of one provider wait for one another, and not for those of another one, which may hang. */
  const adoptAll = async (
    rows: readonly Sandbox[],
    before: (provider: string) => Promise<void> = async () => undefined,
  ): Promise<void> => {
    adopting(rows);
    const groups = Map.groupBy(rows, ({ provider }) => provider);
    await Promise.all(
      [...groups].map(async ([provider, ofProvider]) => {
        await before(provider);
        // They share one list of their provider.
        const since = performance.now();
        await eachBounded(ofProvider, WIDTH, (row) => adopt(row, since));
      }),
    );
  };

  /**
   * A commit whose answer is lost leaves a row that is on its way, and nobody who works on it. At the second look in a row it is taken up as
   * after a start; one that was only just written is known to somebody by then.
   */
  const adoptIdle = (owned: readonly Sandbox[]): void => {
    const found = owned.filter(
      ({ id, state }) =>
        (state === 'CREATING' || state === 'DESTROYING') &&
        !lifecycle.isBusy(id) &&
        !pending.has(id),
    );
    const again = found.filter(({ id }) => idle.has(id));
    idle = new Set(found.map(({ id }) => id));
    for (const { id, state } of again)
      log.warn(
        { sandbox: id, state },
        'nobody works on a sandbox that is on its way, it is taken up',
      );
    inBackground(adoptAll(again));
  };

  return {
    adopting,
    adoptAll,
    adoptIdle,
    inBackground,
    settled: async () => void (await Promise.all(background)),
  };
};
