import type { Metric } from '../../usage/metrics.ts';

/** `level: 'platform'` replaces what the plan says; `tenant` can only lower it. */
export type QuotaSetting = {
  tenant: string;
  /** Empty: the tenant as a whole. */
  subject: string;
  metric: Metric;
  window: string;
  level: 'platform' | 'tenant';
  limit: number;
  setBy: string;
  setAt: number;
};

/** What must hold for a row to be written, looked at and written as one. */
export type Bound = {
  metric: Metric;
  window: string;
  /** null: all tenants of the server. */
  tenant: string | null;
  /** null: all subjects of the tenant. */
  subject: string | null;
  /** Only what was used from here on counts. */
  since: number;
  limit: number;
  resetAt: number | null;
};
export type Excess = { bound: Bound; used: number };

export type QuotaStore = {
  put(row: QuotaSetting): Promise<void>;
  remove(row: Omit<QuotaSetting, 'limit' | 'setBy' | 'setAt'>): Promise<void>;
  /** Of the tenant, and of its subject when there is one. */
  of(tenant: string, subject: string | null): Promise<QuotaSetting[]>;
};
