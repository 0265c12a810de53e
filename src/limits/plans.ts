import type { Metric, Window } from '../usage/metrics.ts';

/** `per: 'subject'` limits each subject of the tenant by itself, `per: 'tenant'` all of them together. */
export type QuotaRule = {
  metric: Metric;
  /** Ignored for `concurrentSandboxes`. */
  window: Window;
  per: 'tenant' | 'subject';
  limit: number;
};

/** What calls take points of: starting something, touching files, or running an operation (which takes its complexity). */
export const rateClasses = ['executions', 'files', 'reads'] as const;
export type RateClass = (typeof rateClasses)[number];

export type Rate = {
  /** For each subject. */
  points: number;
  /** For all subjects of the tenant together. */
  tenantPoints: number;
  seconds: number;
};

export type Plan = {
  quotas: readonly QuotaRule[];
  /** A class that is absent is not limited. */
  rates: Readonly<Partial<Record<RateClass, Rate>>>;
};

const QUARTER_SECONDS = 900;
/** A tenant as a whole may use this many times what one subject may. */
const TENANT_FACTOR = 5;

const tier = (executions: number, sandboxes: number): Plan => {
  const rate = (points: number): Rate => ({
    points,
    tenantPoints: points * TENANT_FACTOR,
    seconds: QUARTER_SECONDS,
  });
  return {
    quotas: [
      { metric: 'concurrentSandboxes', window: 'total', per: 'tenant', limit: sandboxes },
      {
        metric: 'sandboxSeconds',
        window: 'month',
        per: 'tenant',
        limit: sandboxes * 30 * 24 * 3_600,
      },
    ],
    rates: {
      executions: rate(executions),
      files: rate(executions * 30),
      reads: rate(executions * 2_000),
    },
  };
};

/** The plans of a server without an access file, which may change each of them and add others. */
export const builtInPlans: Readonly<Record<string, Plan>> = {
  unlimited: { quotas: [], rates: {} },
  free: tier(10, 5),
  pro: tier(100, 50),
  enterprise: tier(1_000, 500),
};
