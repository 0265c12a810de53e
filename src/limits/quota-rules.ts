import type { QuotaSetting } from '../store/types/quota.ts';
import { isSummed, type Metric, type Window } from '../usage/metrics.ts';
import type { Plan, QuotaRule } from './plans.ts';

/** To whom quotas apply. `subjectLimit` is the role's own ceiling of sandboxes at once, null when it has none. */
export type Holder = {
  tenant: string;
  subject: string;
  plan: string;
  subjectLimit: number | null;
};

export type Level = QuotaSetting['level'];

const keyOf = ({ metric, window, per }: Omit<QuotaRule, 'limit'>): string =>
  `${metric}:${isSummed(metric) ? window : 'total'}:${per}`;

const appliesTo = (setting: QuotaSetting, subject: string): boolean =>
  setting.subject === '' || setting.subject === subject;

const toRule = (setting: QuotaSetting): QuotaRule => ({
  ...setting,
  window: setting.window as Window,
  per: setting.subject === '' ? 'tenant' : 'subject',
});

/** How many sandboxes may be alive at once for one subject, or for the tenant. */
export const concurrencyRule = (limit: number, per: QuotaRule['per']): QuotaRule => ({
  metric: 'concurrentSandboxes',
  window: 'total',
  per,
  limit,
});

/** The rules of the plan, replaced by the settings of the platform, lowered by the settings of the tenant. */
export const effectiveRules = (
  plan: Plan | undefined,
  { subject, subjectLimit }: Pick<Holder, 'subject' | 'subjectLimit'>,
  settings: readonly QuotaSetting[],
  levels: readonly Level[],
): QuotaRule[] => {
  const rules = new Map((plan?.quotas ?? []).map((rule) => [keyOf(rule), rule]));
  const applicable = settings.filter((setting) => appliesTo(setting, subject));
  // The platform first: a tenant lowers what holds after that.
  for (const level of (['platform', 'tenant'] as const).filter((one) => levels.includes(one)))
    for (const rule of applicable.filter((setting) => setting.level === level).map(toRule)) {
      const known = rules.get(keyOf(rule));
      if (level === 'platform' || !known || rule.limit <= known.limit) rules.set(keyOf(rule), rule);
    }
  const own = subjectLimit === null ? [] : [concurrencyRule(subjectLimit, 'subject')];
  return [...rules.values(), ...own];
};

/** The rule for one metric, window and subject (null: the tenant). */
export const findRule = (
  rules: readonly QuotaRule[],
  metric: Metric,
  window: Window,
  subject: string | null,
): QuotaRule | undefined => {
  const per = subject === null ? 'tenant' : 'subject';
  return rules.find((rule) => keyOf(rule) === keyOf({ metric, window, per }));
};
