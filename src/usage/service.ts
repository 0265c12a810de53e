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

export type Whose = { tenant?: string | undefined; subject?: string | undefined };

/** What callers get; who may call what is in rules.ts. Who reaches no farther than itself is answered about itself. */
export type UsageService = {
  usage(
    principal: Principal,
    range: Whose & { from: number; to: number; sandboxId?: string | undefined },
    groupBy: UsageGroup,
  ): Promise<UsageSum[]>;
  quotas(principal: Principal, whose: Whose): Promise<QuotaState[]>;
  /** `limit: null` takes the setting back. */
  setQuota(
    principal: Principal,
    setting: Whose & { metric: Metric; window: Window; limit: number | null },
  ): Promise<QuotaState[]>;
  rateLimit(principal: Principal, rateClass: RateClass): Promise<RateState>;
  updates(
    principal: Principal,
    whose: Pick<Whose, 'tenant'>,
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
  const subjectFor = ({ subject, rights }: Principal, asked: string | undefined) => {
    if (rights.reach !== 'own') return asked;
    if (asked !== undefined && asked !== subject)
      throw new AppError('FORBIDDEN', 'The role does not reach other subjects.');
    return subject;
  };
  /** A plan is a fact of tokens; of a tenant that does not ask itself it is that of its newest sandbox. */
  const planOf = async (principal: Principal, tenant: string): Promise<string> => {
    if (tenant === principal.tenant) return principal.plan;
    const newest = { limit: 1, descending: true };
    const [row] = await store.sandboxes.page(tenant, {}, 'createdAt', newest);
    return row?.plan ?? defaultPlan;
  };
  const holderOf = async (principal: Principal, whose: Whose) => {
    const tenant = tenantFor(principal, whose.tenant);
    const subject = subjectFor(principal, whose.subject);
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
      if (from >= to) throw new AppError('INVALID_ARGUMENT', 'from: must be before to.');
      if (to - from > MAX_RANGE_MS)
        throw new AppError('INVALID_ARGUMENT', 'from, to: at most 400 days apart.');
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
    quotas: async (principal, whose) => quotas.states(await holderOf(principal, whose)),
    async setQuota(principal, { metric, window, limit, ...whose }) {
      const tenant = tenantFor(principal, whose.tenant);
      const subject = subjectFor(principal, whose.subject) ?? null;
      if (limit !== null && (limit < 0 || !Number.isFinite(limit)))
        throw new AppError('INVALID_ARGUMENT', 'limit: must be 0 or more.');
      const level: QuotaSetting['level'] = principal.rights.reach === 'all' ? 'platform' : 'tenant';
      const key = {
        tenant,
        subject: subject ?? '',
        metric,
        window: isSummed(metric) ? window : 'total',
        level,
      };
      const holder = await holderOf(principal, whose);
      if (limit === null) await store.quotas.remove(key);
      else {
        const ceiling = await quotas.ceiling(holder, metric, window, subject);
        if (level === 'tenant' && ceiling !== null && limit > ceiling)
          throw new AppError(
            'LIMIT_EXCEEDED',
            `The plan allows ${metric} up to ${ceiling}, not ${limit}. A tenant can only set less; ask the operator of the server for more.`,
            { details: { limit: metric, maximum: ceiling, requested: limit } },
          );
        await store.quotas.put({ ...key, limit, setBy: principal.subject, setAt: clock() });
      }
      quotas.forget(tenant);
      return quotas.states(holder);
    },
    rateLimit: (principal, rateClass) => rates.state(principal, rateClass),
    updates: async (principal, { tenant }, after, signal) =>
      feed.read(principal, tenantFor(principal, tenant), after, signal),
  };
  return service;
};
