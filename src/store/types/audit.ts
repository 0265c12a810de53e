import type { Page } from './page.ts';

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

export type AuditStore = {
  /** In one step: numbers them, chains them by `hash`, writes them. `isRepeated`: an earlier call with them may have succeeded unseen. */
  append(
    tenant: string,
    facts: readonly AuditFact[],
    hash: (row: AuditFact & { seq: number }, previousHash: string) => string,
    isRepeated?: boolean,
  ): Promise<void>;
  page(tenant: string, filter: AuditFilter, page: Page): Promise<AuditRow[]>;
  /** Rows of a tenant after a number, in order. */
  after(tenant: string, seq: number, limit: number): Promise<AuditRow[]>;
  /** The end of each chain, as the last append left it. */
  heads(): Promise<{ tenant: string; seq: number; hash: string }[]>;
};
