import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import type { AuditFact, AuditStore } from '../store/types/audit.ts';
import { hashOf } from './chain.ts';

const APPEND_MS = 10_000;
const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 2_000;

type Batch = { facts: AuditFact[]; written: Promise<void> };

/** Rows of one turn of the event loop are written together. Each tenant has a chain of its own. */
export const createAuditWriter = (store: AuditStore) => {
  const open = new Map<string, Batch>();
  const running = new Set<Promise<void>>();
  const stop = new AbortController();

  /** What it records was done already: a database that is away for a moment must not make a failure of it. */
  const append = async (tenant: string, facts: readonly AuditFact[]): Promise<void> => {
    const endsAt = performance.now() + APPEND_MS;
    for (let delay = FIRST_DELAY_MS; ; delay = Math.min(delay * 2, LAST_DELAY_MS))
      try {
        return await store.append(tenant, facts, hashOf, delay > FIRST_DELAY_MS);
      } catch (error) {
        const isPassing = error instanceof AppError && error.retryable;
        if (!isPassing || stop.signal.aborted || performance.now() + delay > endsAt) throw error;
        // A stop ends the wait, and what is left is tried once more.
        await sleep(delay, undefined, { signal: stop.signal }).catch(() => undefined);
      }
  };

  const add = (fact: AuditFact): Promise<void> => {
    const batch = open.get(fact.tenant);
    if (batch) {
      batch.facts.push(fact);
      return batch.written;
    }
    const facts = [fact];
    const write = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      open.delete(fact.tenant);
      await append(fact.tenant, facts);
    };
    const written = write();
    open.set(fact.tenant, { facts, written });
    running.add(written);
    written.then(
      () => running.delete(written),
      () => running.delete(written),
    );
    return written;
  };

  return {
    /** Resolves when it is written. */
    add,
    /** Resolves when every row is written, or could not be. */
    async dispose(): Promise<void> {
      stop.abort();
      await Promise.allSettled(running);
    },
  };
};
