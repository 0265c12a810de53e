import { performance } from 'node:perf_hooks';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { Pool } from './pool.ts';

type Listing = { startedAt: number; refs: Promise<Map<string, string>> };

/**
 * What a provider made of rows that do not say so. One list serves all rows that ask, as long as it began at or after `since`: an older one
 * may lack what was made in between.
 */
export const createListings = (pool: Pick<Pool, 'providerOf'>) => {
  const last = new Map<string, Listing>();
  return async (
    sandbox: Pick<Sandbox, 'id' | 'provider'>,
    since: number,
  ): Promise<string | null> => {
    const { id, provider } = sandbox;
    let listing = last.get(provider);
    if (listing === undefined || listing.startedAt < since) {
      const asked = pool.providerOf(sandbox).list();
      const refs = asked.then((found) => new Map(found.map((one) => [one.id, one.ref])));
      listing = { startedAt: performance.now(), refs };
      last.set(provider, listing);
    }
    const { refs } = listing;
    try {
      return (await refs).get(id) ?? null;
    } catch (error) {
      if (last.get(provider)?.refs === refs) last.delete(provider);
      throw error;
    }
  };
};
