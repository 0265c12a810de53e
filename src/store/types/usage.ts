import type { Summed } from '../../usage/metrics.ts';
import type { Bound } from './quota.ts';

/** One line of the ledger, never changed. The same id a second time is the same fact. */
export type UsageEntry = {
  id: string;
  tenant: string;
  subject: string;
  sandboxId: string;
  metric: Summed;
  amount: number;
  at: number;
};

export const usageGroups = ['metric', 'subject', 'sandboxId', 'hour', 'day'] as const;
export type UsageGroup = (typeof usageGroups)[number];

export type UsageSum = { metric: Summed; key: string; amount: number };

export type UsageStore = {
  /** Entries whose id is there already are left out. */
  add(entries: readonly UsageEntry[]): Promise<void>;
  /**
   * Books what a sandbox used until `to`, if nobody else has recorded from `from` on: false then, and nothing is written. `cpuSeconds`
   * is the provider's total that has been recorded then.
   */
  book(
    sandbox: { tenant: string; id: string; from: number },
    to: number,
    cpuSeconds: number,
    entries: readonly UsageEntry[],
  ): Promise<boolean>;
  sums(
    tenant: string,
    range: { from: number; to: number; subject?: string; sandboxId?: string },
    groupBy: UsageGroup,
  ): Promise<UsageSum[]>;
  /** What a bound counts, now. */
  used(bound: Omit<Bound, 'limit' | 'resetAt' | 'window'>): Promise<number>;
};
