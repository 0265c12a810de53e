import { QuotaError } from '../errors.ts';
import { setBounded } from '../lib/set-bounded.ts';
import type { Store } from '../store/store.ts';
import type { Bound, Excess, QuotaSetting } from '../store/types/quota.ts';
import { isSummed, type Metric, type Window, windowAt } from '../usage/metrics.ts';
import type { Plan, QuotaRule } from './plans.ts';

/** Whose quotas: `subjectLimit` is the role's own ceiling of sandboxes at once, null when it has none. */
export type Holder = {
  tenant: string;
  subject: string;
  plan: string;
  subjectLimit: number | null;
};

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
  /** What must hold for the holder to use more of these. */
  bounds(holder: Holder, metrics: readonly Metric[]): Promise<Bound[]>;
  states(holder: Holder): Promise<QuotaState[]>;
  /** The limit of the plan and the platform, which a tenant cannot set aside for itself; null: none. */
  ceiling(
    holder: Holder,
    metric: Metric,
    window: Window,
    subject: string | null,
  ): Promise<number | null>;
  /** A setting was changed here; other servers see it within a second. */
  forget(tenant: string): void;
};

const REMEMBER_MS = 1_000;
const MAX_REMEMBERED = 10_000;

/** `QUOTA_EXCEEDED` as the caller sees it. */
export const quotaExceeded = ({ bound, used }: Excess): QuotaError => {
  const { metric, window, tenant, subject, limit, resetAt } = bound;
  const whose =
    tenant === null ? 'this server' : subject === null ? 'this tenant' : `the subject ${subject}`;
  const way =
    resetAt === null
      ? isSummed(metric)
        ? 'Ask for a higher quota.'
        : 'Destroy a sandbox, wait for room (wait: true), or ask for a higher quota.'
      : `It begins anew at ${new Date(resetAt).toISOString()}.`;
  return new QuotaError(
    `The quota of ${whose} for ${metric}${isSummed(metric) ? ` per ${window}` : ''} is used up: ${used} of ${limit}. ${way}`,
    { quota: metric, limit, used, resetAt },
  );
};

type Level = QuotaSetting['level'];

export const createQuotas = ({
  plans,
  store,
  serverLimit,
  clock,
}: {
  plans: Readonly<Record<string, Plan>>;
  store: Pick<Store, 'quotas' | 'usage'>;
  /** Most sandboxes alive on this server, of all tenants; null: no such limit. */
  serverLimit: number | null;
  clock: () => number;
}): Quotas => {
  const remembered = new Map<string, { tenant: string; at: number; settings: QuotaSetting[] }>();

  const settingsOf = async (tenant: string, subject: string): Promise<QuotaSetting[]> => {
    const key = JSON.stringify([tenant, subject]);
    const known = remembered.get(key);
    if (known && known.at > clock() - REMEMBER_MS) return known.settings;
    const settings = await store.quotas.of(tenant, subject);
    setBounded(remembered, key, { tenant, at: clock(), settings }, MAX_REMEMBERED);
    return settings;
  };

  /** The plan's rules, replaced by what the platform set, lowered by what the tenant set. */
  const rulesOf = (
    { plan, subject, subjectLimit }: Holder,
    settings: readonly QuotaSetting[],
    levels: readonly Level[],
  ): QuotaRule[] => {
    const rules = new Map<string, QuotaRule>();
    const keyOf = ({ metric, window, per }: Omit<QuotaRule, 'limit'>): string =>
      `${metric}:${isSummed(metric) ? window : 'total'}:${per}`;
    for (const rule of plans[plan]?.quotas ?? []) rules.set(keyOf(rule), rule);
    const setting = (level: Level, change: (rule: QuotaRule, known?: QuotaRule) => QuotaRule) => {
      if (!levels.includes(level)) return;
      for (const one of settings) {
        if (one.level !== level || (one.subject !== '' && one.subject !== subject)) continue;
        const per = one.subject === '' ? 'tenant' : 'subject';
        const rule: QuotaRule = { ...one, window: one.window as Window, per };
        rules.set(keyOf(rule), change(rule, rules.get(keyOf(rule))));
      }
    };
    setting('platform', (rule) => rule);
    setting('tenant', (rule, known) => (known && known.limit < rule.limit ? known : rule));
    const own = subjectLimit === null ? [] : [ofRole(subjectLimit)];
    return [...rules.values(), ...own];
  };
  const ofRole = (limit: number): QuotaRule => ({
    metric: 'concurrentSandboxes',
    window: 'total',
    per: 'subject',
    limit,
  });

  const toBound = ({ tenant, subject }: Holder, rule: QuotaRule): Bound => {
    const { start, resetAt } = isSummed(rule.metric)
      ? windowAt(rule.window, clock())
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
  const both: readonly Level[] = ['platform', 'tenant'];

  return {
    async bounds(holder, metrics) {
      const rules = rulesOf(holder, await settingsOf(holder.tenant, holder.subject), both);
      const bounds = rules
        .filter(({ metric }) => metrics.includes(metric))
        .map((rule) => toBound(holder, rule));
      if (serverLimit === null || !metrics.includes('concurrentSandboxes')) return bounds;
      const all = toBound(holder, { ...ofRole(serverLimit), per: 'tenant' });
      return [...bounds, { ...all, tenant: null }];
    },
    async states(holder) {
      const rules = rulesOf(holder, await settingsOf(holder.tenant, holder.subject), both);
      return Promise.all(
        rules.map(async (rule) => {
          const { metric, subject, limit, resetAt, ...bound } = toBound(holder, rule);
          const used = await store.usage.used({ ...bound, metric, subject });
          return { metric, window: rule.window, subject, limit, used, resetAt };
        }),
      );
    },
    async ceiling(holder, metric, window, subject) {
      const settings = await store.quotas.of(holder.tenant, subject);
      const rule = rulesOf({ ...holder, subject: subject ?? '', subjectLimit: null }, settings, [
        'platform',
      ]).find(
        (one) =>
          one.metric === metric &&
          (!isSummed(metric) || one.window === window) &&
          one.per === (subject === null ? 'tenant' : 'subject'),
      );
      return rule?.limit ?? null;
    },
    forget(tenant) {
      for (const [key, known] of remembered) if (known.tenant === tenant) remembered.delete(key);
    },
  };
};
