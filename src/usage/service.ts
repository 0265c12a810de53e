import type { Principal } from '../authentication/principal.ts';
import { tenantFor } from '../authorization/visibility.ts';
import { AppError } from '../errors.ts';
import type { RateClass } from '../limits/plans.ts';
import type { QuotaState, Quotas } from '../limits/quotas.ts';
import type { RateLimits, RateState } from '../limits/rate-limits.ts';
import type { Store } from '../store/store.ts';
import type { QuotaSetting } from '../store/types/quota.ts';
import type { UsageGroup, UsageSum } from '../store/types/usage.ts';
import type { UsageEvent, UsageFeed } from './feed.ts';
import { isSummed, type Metric, type Window } from './metrics.ts';

/** Whose usage and quotas; absent: the caller's own. */
type UsageScope = { tenant?: string | undefined; subject?: string | undefined };

/** What callers get; who may call what is in rules.ts. A role that reaches only its own subject is answered about that subject. */
export type UsageService = {
  usage(
    principal: Principal,
    range: UsageScope & { from: number; to: number; sandboxId?: string | undefined },
    groupBy: UsageGroup,
  ): Promise<UsageSum[]>;
  quotas(principal: Principal, scope: UsageScope): Promise<QuotaState[]>;
  /** `limit: null` removes the setting. */
  setQuota(
    principal: Principal,
    setting: UsageScope & { metric: Metric; window: Window; limit: number | null },
  ): Promise<QuotaState[]>;
  rateLimit(principal: Principal, rateClass: RateClass): Promise<RateState>;
  updates(
    principal: Principal,
    scope: Pick<UsageScope, 'tenant'>,
    after: string | null,
    signal: AbortSignal,
  ): Promise<AsyncIterable<UsageEvent>>;
};

const MAX_RANGE_MS = 400 * 24 * 3_600_000;

export const createUsageService = ({
  store,
  quotas,
  rates,
  feed,
  defaultPlan,
  clock,
}: {
  store: Store;
  quotas: Quotas;
  rates: RateLimits;
  feed: UsageFeed;
  defaultPlan: string;
  clock: () => number;
}): UsageService => {
  const subjectFor = (
    { subject, role, rights }: Principal,
    requested: string | undefined,
  ): string | undefined => {
    if (rights.reach !== 'own') return requested;
    if (requested !== undefined && requested !== subject)
      throw new AppError(
        'FORBIDDEN',
        `The role ${role} does not reach other subjects. Omit the subject, or use a token with a role that reaches the tenant.`,
      );
    return subject;
  };
  /** Only tokens know plans; the plan of another tenant is that of its newest sandbox. */
  const planOf = async (principal: Principal, tenant: string): Promise<string> => {
    if (tenant === principal.tenant) return principal.plan;
    const newest = { limit: 1, descending: true };
    const [row] = await store.sandboxes.page(tenant, {}, 'createdAt', newest);
    return row?.plan ?? defaultPlan;
  };
  const holderOf = async (principal: Principal, scope: UsageScope) => {
    const tenant = tenantFor(principal, scope.tenant);
    const subject = subjectFor(principal, scope.subject);
    return {
      tenant,
      subject: subject ?? principal.subject,
      plan: await planOf(principal, tenant),
      subjectLimit:
        tenant === principal.tenant && (subject ?? principal.subject) === principal.subject
          ? (principal.rights.ceilings.concurrentSandboxes ?? null)
          : null,
    };
  };

  const service: UsageService = {
    async usage(principal, { from, to, tenant, subject, sandboxId }, groupBy) {
      if (from >= to)
        throw new AppError('INVALID_ARGUMENT', 'from: it must be before `to`, but is not.');
      if (to - from > MAX_RANGE_MS)
        throw new AppError(
          'INVALID_ARGUMENT',
          'from, to: they are more than 400 days apart, which is the maximum. Request shorter ranges.',
        );
      const who = subjectFor(principal, subject);
      return store.usage.sums(
        tenantFor(principal, tenant),
        {
          from,
          to,
          ...(who === undefined ? {} : { subject: who }),
          ...(sandboxId === undefined ? {} : { sandboxId }),
        },
        groupBy,
      );
    },
    quotas: async (principal, scope) => quotas.states(await holderOf(principal, scope)),
    async setQuota(principal, { metric, window, limit, ...scope }) {
      const tenant = tenantFor(principal, scope.tenant);
      const subject = subjectFor(principal, scope.subject) ?? null;
      if (limit !== null && (limit < 0 || !Number.isFinite(limit)))
        throw new AppError('INVALID_ARGUMENT', `limit: it is ${limit}, but must be 0 or more.`);
      const level: QuotaSetting['level'] = principal.rights.reach === 'all' ? 'platform' : 'tenant';
      const key = {
        tenant,
        subject: subject ?? '',
        metric,
        window: isSummed(metric) ? window : 'total',
        level,
      };
      const holder = await holderOf(principal, scope);
      if (limit === null) await store.quotas.remove(key);
      else {
        const ceiling = await quotas.ceiling(holder, metric, window, subject);
        if (level === 'tenant' && ceiling !== null && limit > ceiling)
          throw new AppError(
            'LIMIT_EXCEEDED',
            `The plan allows ${metric} up to ${ceiling}, but ${limit} was requested. A tenant can only lower its quotas; ask the operator to raise them.`,
            { details: { limit: metric, maximum: ceiling, requested: limit } },
          );
        await store.quotas.put({ ...key, limit, setBy: principal.subject, setAt: clock() });
      }
      quotas.invalidate(tenant);
      return quotas.states(holder);
    },
    rateLimit: (principal, rateClass) => rates.state(principal, rateClass),
    updates: async (principal, { tenant }, after, signal) =>
      feed.read(principal, tenantFor(principal, tenant), after, signal),
  };
  return service;
};
