import { join } from 'node:path';
import type { Logger } from 'pino';
import { eachBounded } from '../../lib/bounded.ts';
import { unusedAssets } from './assets.ts';
import type { Folders } from './folders.ts';
import type { Host } from './host.ts';
import { removeRemains } from './remains.ts';
import { isCopied } from './state.ts';

/** Leftovers of an earlier server that are removed at once. */
const SWEEP_WIDTH = 8;

/** Removes sandboxes by their ref alone, whether or not they still answer. */
export type Removal = {
  remove(ref: string): Promise<void>;
  /** What nobody waits for: a failure costs disk until the next start, nothing else. */
  clear(ref: string): Promise<void>;
  /** Clears what an earlier server left, until the provider is disposed of. */
  sweep(leftovers: readonly string[], isDisposed: () => boolean): Promise<void>;
};

export const createRemoval = (host: Host, folders: Folders, log: Logger): Removal => {
  const { base, assets, cgroups, trash } = host;

  const remove = (ref: string): Promise<void> => {
    const dir = folders.dirOf(ref);
    // The group of a copied sandbox is that of its original.
    return removeRemains(dir, isCopied(dir) ? null : (cgroups?.open(ref) ?? null), host);
  };
  const clear = (ref: string): Promise<void> =>
    remove(ref).catch((error: unknown) =>
      log.error(
        { err: error, ref },
        'what is left of a sandbox stays on disk until the next start',
      ),
    );
  return {
    remove,
    clear,
    async sweep(leftovers, isDisposed) {
      await eachBounded(leftovers, SWEEP_WIDTH, async (ref) =>
        isDisposed() ? undefined : clear(ref),
      );
      try {
        const used = new Set([...assets.folders, ...folders.usedAssets()]);
        for (const folder of unusedAssets(join(base, 'assets'), used)) trash.discard(folder);
      } catch (error) {
        log.warn({ err: error }, 'files of an earlier version stay on disk until the next start');
      }
    },
  };
};
