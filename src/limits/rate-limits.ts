import type { Logger } from 'pino';
import type { RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import type { Principal } from '../authentication/principal.ts';
import { AppError } from '../errors.ts';
import { setBounded } from '../lib/set-bounded.ts';
import type { Plan, Rate, RateClass } from './plans.ts';

export type RateState = {
  rateClass: RateClass;
  /** Points of the window; null: not limited. */
  limit: number | null;
  remaining: number | null;
  /** When the window began anew; null before the first call of it. */
  resetAt: number | null;
};

export type RateLimits = {
  /** Takes points of the subject and of its tenant. `RATE_LIMITED` with how long to wait; then nothing is taken. */
  consume(principal: Principal, rateClass: RateClass, points: number): Promise<void>;
  /** What is left for the caller, of the narrower of the two. */
  state(principal: Principal, rateClass: RateClass): Promise<RateState>;
  isLimited(principal: Principal, rateClass: RateClass): boolean;
  /** `RATE_LIMITED` for one that was refused and has not a single point left, without asking the store; null: it may try. */
  exhausted(principal: Principal, rateClass: RateClass): AppError | null;
};

export type MakeLimiter = (name: string, points: number, seconds: number) => RateLimiterAbstract;

const MAX_EMPTY = 10_000;
/** How long one error may tell of a window that comes nearer meanwhile. */
const ERROR_MS = 250;
type Empty = { until: number; whose: string; error: AppError | null };

/** While the limiter's store does not answer: nothing new is started, and what only reads or touches files goes on. */
const WITHOUT_STORE: Readonly<Record<RateClass, 'refuse' | 'go on'>> = {
  executions: 'refuse',
  files: 'go on',
  reads: 'go on',
};

const isRefusal = (reason: unknown): reason is RateLimiterRes =>
  typeof reason === 'object' && reason !== null && 'msBeforeNext' in reason;

type Pair = { subject: RateLimiterAbstract; tenant: RateLimiterAbstract; rate: Rate };

const keysOf = ({ tenant, subject }: Principal) => ({
  subject: JSON.stringify([tenant, subject]),
  tenant: JSON.stringify([tenant]),
});

export const createRateLimits = ({
  plans,
  makeLimiter,
  log,
}: {
  plans: Readonly<Record<string, Plan>>;
  makeLimiter: MakeLimiter;
  log: Logger;
}): RateLimits => {
  const pairs: Record<RateClass, Map<string, Pair | undefined>> = {
    executions: new Map(),
    files: new Map(),
    reads: new Map(),
  };
  const pairOf = (plan: string, rateClass: RateClass): Pair | undefined => {
    const known = pairs[rateClass];
    if (known.has(plan)) return known.get(plan);
    const rate = plans[plan]?.rates[rateClass];
    const name = `${plan}:${rateClass}`;
    const pair = rate && {
      rate,
      subject: makeLimiter(`subject:${name}`, rate.points, rate.seconds),
      tenant: makeLimiter(`tenant:${name}`, rate.tenantPoints, rate.seconds),
    };
    known.set(plan, pair);
    return pair;
  };

  const limited = (rateClass: RateClass, ms: number, whose: string): AppError => {
    const retryAfterMs = Math.max(1, Math.ceil(ms));
    return new AppError(
      'RATE_LIMITED',
      `The rate limit for ${rateClass} of ${whose} is used up. It begins anew in ${Math.ceil(retryAfterMs / 1_000)} s.`,
      { retryAfterMs, details: { rateClass } },
    );
  };
  /** Until when a subject or a tenant has nothing left: who asks on all the same costs next to nothing. */
  const empty = new Map<string, Empty>();
  const refuse = (
    rateClass: RateClass,
    key: string,
    { msBeforeNext, consumedPoints }: RateLimiterRes,
    points: number,
    limit: number,
    whose: string,
  ): never => {
    if (consumedPoints - points >= limit)
      setBounded(
        empty,
        `${rateClass}:${key}`,
        { until: Date.now() + msBeforeNext, whose, error: null },
        MAX_EMPTY,
      );
    throw limited(rateClass, msBeforeNext, whose);
  };
  const withoutStore = (rateClass: RateClass, error: unknown): void => {
    log.error({ err: error, rateClass }, 'the store of the rate limits does not answer');
    if (WITHOUT_STORE[rateClass] === 'refuse')
      throw new AppError(
        'UNAVAILABLE',
        'Rate limits cannot be checked right now, so nothing new is started. Reading goes on; try again soon.',
        { retryAfterMs: 1_000 },
      );
  };

  return {
    async consume(principal, rateClass, points) {
      const pair = pairOf(principal.plan, rateClass);
      if (!pair) return;
      const keys = keysOf(principal);
      try {
        await pair.subject.consume(keys.subject, points);
      } catch (reason) {
        if (!isRefusal(reason)) return withoutStore(rateClass, reason);
        // The limiter counts what it refuses; a caller that is refused has taken nothing.
        await pair.subject.reward(keys.subject, points).catch(() => undefined);
        refuse(rateClass, keys.subject, reason, points, pair.rate.points, 'this subject');
      }
      try {
        await pair.tenant.consume(keys.tenant, points);
      } catch (reason) {
        if (!isRefusal(reason)) return withoutStore(rateClass, reason);
        await Promise.allSettled([
          pair.tenant.reward(keys.tenant, points),
          pair.subject.reward(keys.subject, points),
        ]);
        refuse(rateClass, keys.tenant, reason, points, pair.rate.tenantPoints, 'this tenant');
      }
    },
    async state(principal, rateClass) {
      const pair = pairOf(principal.plan, rateClass);
      if (!pair) return { rateClass, limit: null, remaining: null, resetAt: null };
      const keys = keysOf(principal);
      const [subject, tenant] = await Promise.all([
        pair.subject.get(keys.subject).catch(() => null),
        pair.tenant.get(keys.tenant).catch(() => null),
      ]);
      const left = (points: number, used: RateLimiterRes | null): number =>
        Math.max(0, points - (used?.consumedPoints ?? 0));
      const own = {
        limit: pair.rate.points,
        remaining: left(pair.rate.points, subject),
        at: subject,
      };
      const all = {
        limit: pair.rate.tenantPoints,
        remaining: left(pair.rate.tenantPoints, tenant),
        at: tenant,
      };
      const { limit, remaining, at } = all.remaining < own.remaining ? all : own;
      return {
        rateClass,
        limit,
        remaining,
        resetAt: at ? Date.now() + at.msBeforeNext : null,
      };
    },
    exhausted(principal, rateClass) {
      if (empty.size === 0) return null;
      const { subject, tenant } = keysOf(principal);
      const of = (key: string): AppError | null => {
        const known = empty.get(`${rateClass}:${key}`);
        const left = (known?.until ?? 0) - Date.now();
        if (!known || left <= 0) return null;
        // An error for each of thousands of refusals would cost more than all else of them.
        if (known.error === null || (known.error.retryAfterMs ?? 0) - left > ERROR_MS)
          known.error = limited(rateClass, left, known.whose);
        return known.error;
      };
      return of(subject) ?? of(tenant);
    },
    isLimited: (principal, rateClass) => pairOf(principal.plan, rateClass) !== undefined,
  };
};
