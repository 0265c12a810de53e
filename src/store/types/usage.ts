import type { Summed } from '../../usage/metrics.ts';
import type { Fence } from './fence.ts';
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

/** What a sandbox used between two instants. `cpuSeconds` is the provider's total that has been recorded then. */
export type UsageSlice = {
  from: number;
  to: number;
  cpuSeconds: number;
  entries: readonly UsageEntry[];
};

/** Each entry that is written has its event, in the same transaction. */
export type UsageStore = {
  /** Entries whose id is there already are left out. */
  add(entries: readonly UsageEntry[]): Promise<void>;
  /** Books a slice of a READY one, if nobody else has recorded from `from` on and the fence holds: false otherwise, and nothing is written. */
  book(sandbox: { tenant: string; id: string }, slice: UsageSlice, fence?: Fence): Promise<boolean>;
  /**
   * Before the entries that are kept, from the sums of whole hours: an hour belongs to the range that holds its beginning, and nothing
   * is known of single sandboxes.
   */
  sums(
    tenant: string,
    range: { from: number; to: number; subject?: string; sandboxId?: string },
    groupBy: UsageGroup,
  ): Promise<UsageSum[]>;
  /** What a bound counts, now. */
  used(bound: Omit<Bound, 'limit' | 'resetAt' | 'window'>): Promise<number>;
  /** Removes a batch of entries of the hours that ended before; their sums stay. Returns how many. */
  purge(before: number, limit: number): Promise<number>;
};
