import { QuotaError } from '../errors.ts';
import { setBounded } from '../lib/set-bounded.ts';
import type { Store } from '../store/store.ts';
import type { Bound, Excess, QuotaSetting } from '../store/types/quota.ts';
import { isSummed, type Metric, type Window, windowAt } from '../usage/metrics.ts';
import type { Plan, QuotaRule } from './plans.ts';
import {
  concurrencyRule,
  effectiveRules,
  findRule,
  type Holder,
  type Level,
} from './quota-rules.ts';

export type QuotaState = {
  metric: Metric;
  window: Window;
  /** null: the tenant as a whole. */
  subject: string | null;
  limit: number;
  used: number;
  resetAt: number | null;
};

export type Quotas = {
  /** What must hold for the holder to use more of these metrics. */
  bounds(holder: Holder, metrics: readonly Metric[]): Promise<Bound[]>;
  states(holder: Holder): Promise<QuotaState[]>;
  /** The limit of the plan and the platform, which a tenant cannot raise for itself; null: none. */
  ceiling(
    holder: Holder,
    metric: Metric,
    window: Window,
    subject: string | null,
  ): Promise<number | null>;
  /** Call it after a setting was changed; other servers see the change within a second. */
  invalidate(tenant: string): void;
};

export type QuotaOptions = {
  plans: Readonly<Record<string, Plan>>;
  store: Pick<Store, 'quotas' | 'usage'>;
  /** The maximum of sandboxes alive on this server, of all tenants; null: no such limit. */
  serverLimit: number | null;
  clock: () => number;
};

const CACHE_MS = 1_000;
const MAX_CACHED = 10_000;
const ALL_LEVELS: readonly Level[] = ['platform', 'tenant'];

const remedyFor = (metric: Metric, resetAt: number | null): string => {
  if (resetAt !== null) return `The quota resets at ${new Date(resetAt).toISOString()}.`;
  return isSummed(metric)
    ? 'Ask for a higher quota.'
    : 'Destroy a sandbox, wait for a free place (wait: true), or ask for a higher quota.';
};

/** `QUOTA_EXCEEDED` as the caller sees it. */
export const quotaExceeded = ({ bound, used }: Excess): QuotaError => {
  const { metric, window, tenant, subject, limit, resetAt } = bound;
  const holder =
    tenant === null ? 'this server' : subject === null ? 'this tenant' : `the subject ${subject}`;
  return new QuotaError(
    `The quota of ${holder} for ${metric}${isSummed(metric) ? ` per ${window}` : ''} is exhausted: ${used} of ${limit} are used. ${remedyFor(metric, resetAt)}`,
    { quota: metric, limit, used, resetAt },
  );
};

type SettingsCache = {
  of(tenant: string, subject: string): Promise<QuotaSetting[]>;
  invalidate(tenant: string): void;
};

const createSettingsCache = ({ store, clock }: QuotaOptions): SettingsCache => {
  const cached = new Map<string, { tenant: string; at: number; settings: QuotaSetting[] }>();
  return {
    async of(tenant, subject) {
      const key = JSON.stringify([tenant, subject]);
      const known = cached.get(key);
      if (known && known.at > clock() - CACHE_MS) return known.settings;
      const settings = await store.quotas.of(tenant, subject);
      setBounded(cached, key, { tenant, at: clock(), settings }, MAX_CACHED);
      return settings;
    },
    invalidate(tenant) {
      for (const [key, known] of cached) if (known.tenant === tenant) cached.delete(key);
    },
  };
};

const toBound = ({ tenant, subject }: Holder, rule: QuotaRule, now: number): Bound => {
  const { start, resetAt } = isSummed(rule.metric)
    ? windowAt(rule.window, now)
    : { start: 0, resetAt: null };
  return {
    metric: rule.metric,
    window: rule.window,
    tenant,
    subject: rule.per === 'subject' ? subject : null,
    since: start,
    limit: rule.limit,
    resetAt,
  };
};

export const createQuotas = (options: QuotaOptions): Quotas => {
  const { plans, store, serverLimit, clock } = options;
  const cache = createSettingsCache(options);
  const rulesFor = async (holder: Holder): Promise<QuotaRule[]> => {
    const settings = await cache.of(holder.tenant, holder.subject);
    return effectiveRules(plans[holder.plan], holder, settings, ALL_LEVELS);
  };
  return {
    async bounds(holder, metrics) {
      const bounds = (await rulesFor(holder))
        .filter(({ metric }) => metrics.includes(metric))
        .map((rule) => toBound(holder, rule, clock()));
      if (serverLimit === null || !metrics.includes('concurrentSandboxes')) return bounds;
      const ofServer = toBound(holder, concurrencyRule(serverLimit, 'tenant'), clock());
      return [...bounds, { ...ofServer, tenant: null }];
    },
    async states(holder) {
      return Promise.all(
        (await rulesFor(holder)).map(async (rule) => {
          const bound = toBound(holder, rule, clock());
          const { metric, subject, limit, resetAt } = bound;
          const used = await store.usage.used(bound);
          return { metric, window: rule.window, subject, limit, used, resetAt };
        }),
      );
    },
    async ceiling(holder, metric, window, subject) {
      const settings = await store.quotas.of(holder.tenant, subject);
      const ruled = { subject: subject ?? '', subjectLimit: null };
      const rules = effectiveRules(plans[holder.plan], ruled, settings, ['platform']);
      return findRule(rules, metric, window, subject)?.limit ?? null;
    },
    invalidate: cache.invalidate,
  };
};
