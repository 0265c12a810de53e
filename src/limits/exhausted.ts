import { AppError } from '../errors.ts';
import { setBounded } from '../lib/set-bounded.ts';
import type { RateClass } from './plans.ts';

const MAX_REMEMBERED = 10_000;
/** How long one error is reused, although the window resets sooner and sooner. */
const ERROR_MS = 250;

/** Subjects and tenants that have nothing left, so that refusing their further calls costs next to nothing. */
export type Exhausted = {
  add(rateClass: RateClass, key: string, name: string, ms: number): void;
  /** `RATE_LIMITED` until the window resets. */
  find(rateClass: RateClass, key: string): AppError | null;
  isEmpty(): boolean;
};

export const rateLimited = (rateClass: RateClass, ms: number, holder: string): AppError => {
  const retryAfterMs = Math.max(1, Math.ceil(ms));
  return new AppError(
    'RATE_LIMITED',
    `The rate limit of ${holder} for ${rateClass} is exhausted. It resets in ${Math.ceil(retryAfterMs / 1_000)} s; try again then.`,
    { retryAfterMs, details: { rateClass } },
  );
};

export const createExhausted = (): Exhausted => {
  const holders = new Map<string, { until: number; name: string; error: AppError | null }>();
  return {
    add(rateClass, key, name, ms) {
      const holder = { until: Date.now() + ms, name, error: null };
      setBounded(holders, `${rateClass}:${key}`, holder, MAX_REMEMBERED);
    },
    find(rateClass, key) {
      const holder = holders.get(`${rateClass}:${key}`);
      const left = (holder?.until ?? 0) - Date.now();
      if (!holder || left <= 0) return null;
      // A new error for each of thousands of refusals would cost more than everything else about them.
      if (holder.error === null || (holder.error.retryAfterMs ?? 0) - left > ERROR_MS)
        holder.error = rateLimited(rateClass, left, holder.name);
      return holder.error;
    },
    isEmpty: () => holders.size === 0,
  };
};
