import type { Metric, Summed } from '../limits/metrics.ts';
import type { Page } from './page.ts';

/** The seam of records about access: shares, revocations, quotas, usage and the audit log. Times are milliseconds since the epoch. */

export const shareAccesses = ['read', 'write'] as const;
export type ShareAccess = (typeof shareAccesses)[number];

/** A sandbox that another subject of the same tenant may see, or use. */
export type Share = {
  tenant: string;
  sandboxId: string;
  subject: string;
  access: ShareAccess;
  createdBy: string;
  createdAt: number;
};

export const revocationKinds = ['token', 'subject', 'tenant'] as const;
export type RevocationKind = (typeof revocationKinds)[number];

/** Tokens of `tenant` that no longer count: the one with this id, or those of a subject or of all that were issued until `before`. */
export type Revocation = {
  id: string;
  tenant: string;
  kind: RevocationKind;
  /** The id of the token, or the subject; empty for a tenant. */
  value: string;
  before: number;
  createdBy: string;
  createdAt: number;
};

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

export const auditOutcomes = ['SUCCEEDED', 'FAILED', 'DENIED'] as const;
export type AuditOutcome = (typeof auditOutcomes)[number];

export type AuditFact = {
  id: string;
  /** Empty for callers whose token was refused. */
  tenant: string;
  at: number;
  requestId: string;
  subject: string | null;
  role: string | null;
  tokenId: string | null;
  address: string | null;
  /** The mutation, or what was read. */
  action: string;
  /** Id of what it was done to, as it was given. */
  target: string | null;
  sandboxId: string | null;
  outcome: AuditOutcome;
  /** Why not; null when it succeeded. */
  code: string | null;
};
/** `seq` counts the rows of a tenant from 1; `hash` covers the row and the hash before it. */
export type AuditRow = AuditFact & { seq: number; previousHash: string; hash: string };

export type AuditFilter = {
  subjects?: readonly string[];
  actions?: readonly string[];
  outcomes?: readonly AuditOutcome[];
  sandboxIds?: readonly string[];
  requestIds?: readonly string[];
  from?: number;
  to?: number;
};

export type AccessStore = {
  shares: {
    /** Replaces an earlier one for the same subject. */
    put(share: Share): Promise<void>;
    /** False when there was none. */
    remove(tenant: string, sandboxId: string, subject: string): Promise<boolean>;
    of(tenant: string, sandboxId: string): Promise<Share[]>;
    /** Those of these sandboxes that are shared with the subject. */
    among(tenant: string, subject: string, sandboxIds: readonly string[]): Promise<Share[]>;
  };
  revocations: {
    insert(row: Revocation): Promise<void>;
    /** All tenants. */
    since(createdAt: number): Promise<Revocation[]>;
  };
  quotas: {
    put(row: QuotaSetting): Promise<void>;
    remove(row: Omit<QuotaSetting, 'limit' | 'setBy' | 'setAt'>): Promise<void>;
    /** Of the tenant, and of its subject when there is one. */
    of(tenant: string, subject: string | null): Promise<QuotaSetting[]>;
  };
  usage: {
    /** Entries whose id is there already are left out. */
    add(entries: readonly UsageEntry[]): Promise<void>;
    /**
     * Books what a sandbox used until `to`, if nobody else has booked from `from` on: false then, and nothing is written. `cpuSeconds`
     * is the provider's total that has been booked then.
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
  audit: {
    /** In one step: numbers them, chains them by `hash`, writes them. */
    append(
      tenant: string,
      facts: readonly AuditFact[],
      hash: (row: AuditFact & { seq: number }, previousHash: string) => string,
    ): Promise<void>;
    page(tenant: string, filter: AuditFilter, page: Page): Promise<AuditRow[]>;
    /** Rows of a tenant after a number, in order. */
    after(tenant: string, seq: number, limit: number): Promise<AuditRow[]>;
    /** The end of each chain, as the last append left it. */
    heads(): Promise<{ tenant: string; seq: number; hash: string }[]>;
  };
};
