import type { Logger } from 'pino';
import type { RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import type { Principal } from '../authentication/principal.ts';
import { AppError } from '../errors.ts';
import { createExhausted, type Exhausted, rateLimited } from './exhausted.ts';
import type { Plan, Rate, RateClass } from './plans.ts';

export type RateState = {
  rateClass: RateClass;
  /** Points of the window; null: not limited. */
  limit: number | null;
  remaining: number | null;
  /** When the window resets; null before its first call. */
  resetAt: number | null;
};

export type RateLimits = {
  /** Takes points of the subject and of its tenant. `RATE_LIMITED` with how long to wait; then nothing is taken. */
  consume(principal: Principal, rateClass: RateClass, points: number): Promise<void>;
  /** What is left for the caller: the lesser of what the subject and its tenant have. */
  state(principal: Principal, rateClass: RateClass): Promise<RateState>;
  isLimited(principal: Principal, rateClass: RateClass): boolean;
  /** `RATE_LIMITED` for a caller that was refused and has not a single point left, without asking the store; null: it may try. */
  exhausted(principal: Principal, rateClass: RateClass): AppError | null;
};

export type MakeLimiter = (name: string, points: number, seconds: number) => RateLimiterAbstract;

export type RateLimitOptions = {
  plans: Readonly<Record<string, Plan>>;
  makeLimiter: MakeLimiter;
  log: Logger;
};

/** While the store of the limiters does not answer, nothing new is started; reading and touching files continues. */
const WITHOUT_STORE: Readonly<Record<RateClass, 'refuse' | 'continue'>> = {
  executions: 'refuse',
  files: 'continue',
  reads: 'continue',
};

type Limiters = { subject: RateLimiterAbstract; tenant: RateLimiterAbstract; rate: Rate };
type Limits = Omit<RateLimitOptions, 'plans'> & {
  /** Of a plan and a class; undefined: not limited. */
  limitersOf(plan: string, rateClass: RateClass): Limiters | undefined;
  exhausted: Exhausted;
};

const isRefusal = (reason: unknown): reason is RateLimiterRes =>
  typeof reason === 'object' && reason !== null && 'msBeforeNext' in reason;

const keysOf = ({ tenant, subject }: Principal) => ({
  subject: JSON.stringify([tenant, subject]),
  tenant: JSON.stringify([tenant]),
});

/** Makes the limiters of a plan when they are first needed. */
const createLimiters = ({ plans, makeLimiter }: RateLimitOptions): Limits['limitersOf'] => {
  const known = new Map<string, Limiters | undefined>();
  return (plan, rateClass) => {
    const name = `${plan}:${rateClass}`;
    if (known.has(name)) return known.get(name);
    const rate = plans[plan]?.rates[rateClass];
    const limiters = rate && {
      rate,
      subject: makeLimiter(`subject:${name}`, rate.points, rate.seconds),
      tenant: makeLimiter(`tenant:${name}`, rate.tenantPoints, rate.seconds),
    };
    known.set(name, limiters);
    return limiters;
  };
};

const handleStoreFailure = ({ log }: Limits, rateClass: RateClass, error: unknown): void => {
  log.error({ err: error, rateClass }, 'The store of the rate limits does not answer.');
  if (WITHOUT_STORE[rateClass] === 'refuse')
    throw new AppError(
      'UNAVAILABLE',
      'The rate limits cannot be checked at the moment, so nothing new is started. Reading still works; try again soon.',
      { retryAfterMs: 1_000 },
    );
};

/** Remembers a holder that has nothing left, and throws `RATE_LIMITED`. */
const refuse = (
  x: Limits,
  refusal: RateLimiterRes,
  points: number,
  holder: { name: string; key: string; rateClass: RateClass; limit: number },
): never => {
  const { msBeforeNext, consumedPoints } = refusal;
  if (consumedPoints - points >= holder.limit)
    x.exhausted.add(holder.rateClass, holder.key, holder.name, msBeforeNext);
  throw rateLimited(holder.rateClass, msBeforeNext, holder.name);
};

const consume = async (
  x: Limits,
  principal: Principal,
  rateClass: RateClass,
  points: number,
): Promise<void> => {
  const limiters = x.limitersOf(principal.plan, rateClass);
  if (!limiters) return;
  const { subject, tenant, rate } = limiters;
  const keys = keysOf(principal);
  try {
    await subject.consume(keys.subject, points);
  } catch (reason) {
    if (!isRefusal(reason)) return handleStoreFailure(x, rateClass, reason);
    // The limiter counts what it refuses; a caller that is refused has taken nothing.
    await subject.reward(keys.subject, points).catch(() => undefined);
    const holder = { name: 'this subject', key: keys.subject, rateClass, limit: rate.points };
    refuse(x, reason, points, holder);
  }
  try {
    await tenant.consume(keys.tenant, points);
  } catch (reason) {
    if (!isRefusal(reason)) return handleStoreFailure(x, rateClass, reason);
    await Promise.allSettled([
      tenant.reward(keys.tenant, points),
      subject.reward(keys.subject, points),
    ]);
    const holder = { name: 'this tenant', key: keys.tenant, rateClass, limit: rate.tenantPoints };
    refuse(x, reason, points, holder);
  }
};

const stateOf = async (
  x: Limits,
  principal: Principal,
  rateClass: RateClass,
): Promise<RateState> => {
  const limiters = x.limitersOf(principal.plan, rateClass);
  if (!limiters) return { rateClass, limit: null, remaining: null, resetAt: null };
  const { rate } = limiters;
  const keys = keysOf(principal);
  const [subject, tenant] = await Promise.all([
    limiters.subject.get(keys.subject).catch(() => null),
    limiters.tenant.get(keys.tenant).catch(() => null),
  ]);
  const shareOf = (limit: number, used: RateLimiterRes | null) => ({
    rateClass,
    limit,
    remaining: Math.max(0, limit - (used?.consumedPoints ?? 0)),
    resetAt: used ? Date.now() + used.msBeforeNext : null,
  });
  const own = shareOf(rate.points, subject);
  const all = shareOf(rate.tenantPoints, tenant);
  return all.remaining < own.remaining ? all : own;
};

export const createRateLimits = (options: RateLimitOptions): RateLimits => {
  const x: Limits = {
    ...options,
    limitersOf: createLimiters(options),
    exhausted: createExhausted(),
  };
  return {
    consume: (principal, rateClass, points) => consume(x, principal, rateClass, points),
    state: (principal, rateClass) => stateOf(x, principal, rateClass),
    isLimited: ({ plan }, rateClass) => x.limitersOf(plan, rateClass) !== undefined,
    exhausted(principal, rateClass) {
      if (x.exhausted.isEmpty()) return null;
      const { subject, tenant } = keysOf(principal);
      return x.exhausted.find(rateClass, subject) ?? x.exhausted.find(rateClass, tenant);
    },
  };
};
