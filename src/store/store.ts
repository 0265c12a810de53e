import type { AuditStore } from './types/audit.ts';
import type { IdempotencyStore } from './types/idempotency.ts';
import type { OrphanStore } from './types/orphan.ts';
import type { OwnershipStore } from './types/ownership.ts';
import type { ProcessStore } from './types/process.ts';
import type { QuotaStore } from './types/quota.ts';
import type { RevocationStore } from './types/revocation.ts';
import type { SandboxEventLog } from './types/sandbox-event.ts';
import type { SandboxStore } from './types/sandbox-store.ts';
import type { ServerStore } from './types/server.ts';
import type { ShareStore } from './types/share.ts';
import type { UsageStore } from './types/usage.ts';
import type { UsageEventLog } from './types/usage-event.ts';

/** The seam of records that outlive the server. Every query names the tenant, so that nobody can forget it. Times are milliseconds since the epoch. */
export type Store = {
  sandboxes: SandboxStore;
  processes: ProcessStore;
  idempotency: IdempotencyStore;
  shares: ShareStore;
  revocations: RevocationStore;
  quotas: QuotaStore;
  usage: UsageStore;
  /** Each event is written with the change of a sandbox that it tells of. */
  sandboxEvents: SandboxEventLog;
  usageEvents: UsageEventLog;
  audit: AuditStore;
  servers: ServerStore;
  ownership: OwnershipStore;
  orphans: OrphanStore;
  /** Throws when the database does not answer. */
  ping(): Promise<void>;
  dispose(): Promise<void>;
};
