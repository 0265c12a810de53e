import type { Kysely } from 'kysely';
import type { AuditRow } from './types/audit.ts';
import type { IdempotencyRecord } from './types/idempotency.ts';
import type { Orphan } from './types/orphan.ts';
import type { Process } from './types/process.ts';
import type { QuotaSetting } from './types/quota.ts';
import type { Revocation } from './types/revocation.ts';
import type { Sandbox } from './types/sandbox.ts';
import type { ServerRow } from './types/server.ts';
import type { Share } from './types/share.ts';
import type { UsageEntry } from './types/usage.ts';

/** Columns are named as the fields of the rows; what is not a string or a number is JSON text. */
type Text<Row, Json extends keyof Row> = {
  [Key in keyof Row]: Key extends Json ? string | Extract<Row[Key], null> : Row[Key];
};

/** A journal of rows. */
type Events = { tenant: string; seq: number; at: number; kind: string; meta: string };
export type EventTable = 'sandbox_events' | 'usage_events';

export type Tables = {
  /** `env` is sealed: values are secrets. */
  sandboxes: Text<Sandbox, 'labels' | 'env' | 'networkAllow' | 'placement'>;
  sandbox_labels: { tenant: string; sandboxId: string; key: string; value: string };
  sandbox_shares: Share;
  processes: Text<Process, 'argv'>;
  idempotency: IdempotencyRecord;
  revocations: Revocation;
  quotas: QuotaSetting;
  usage_entries: UsageEntry;
  /** Sums of the entries of each hour, kept with them. */
  usage_hours: Omit<UsageEntry, 'id' | 'sandboxId' | 'at'> & { hour: number };
  sandbox_events: Events;
  usage_events: Events;
  /** `first` is the lowest seq that is kept, `last` the highest ever given. */
  event_heads: { log: EventTable; tenant: string; first: number; last: number };
  /** One row: entries of the ledger before `before` are gone or going, their hours tell. */
  usage_retention: { id: number; before: number };
  /** One row per tenant, taken before what it may have is counted; '' for all tenants. */
  tenant_locks: { tenant: string; taken: number };
  audit: AuditRow;
  servers: ServerRow;
  /** One row. */
  deployment: { one: number; id: string; database: string };
  orphans: Orphan;
  audit_heads: { tenant: string; seq: number; hash: string };
};

export type Database = Kysely<Tables>;
