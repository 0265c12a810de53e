import type { Sealer } from '../lib/sealed.ts';
import { openAudit } from './audit.ts';
import type { Database } from './database.ts';
import { openEventLog } from './events.ts';
import { openIdempotency } from './idempotency.ts';
import { openProcesses } from './processes.ts';
import { openQuotas } from './quotas.ts';
import { openRevocations } from './revocations.ts';
import { openSandboxes } from './sandboxes.ts';
import { openShares } from './shares.ts';
import type { Store } from './store.ts';
import type { SandboxEventBody } from './types/sandbox-event.ts';
import type { UsageEventBody } from './types/usage-event.ts';
import { openUsage, prepareAddUsage } from './usage.ts';

/** The store over any dialect, whose tables are there. `sealer` keeps values of variables from being read in the database. */
export const createKyselyStore = (db: Database, sealer: Sealer, ping: Store['ping']): Store => {
  const events = openEventLog<SandboxEventBody>(db, 'sandbox_events');
  const usage = openEventLog<UsageEventBody>(db, 'usage_events');
  const addUsage = prepareAddUsage(db, usage);
  return {
    sandboxes: openSandboxes(db, sealer, { events, usage, addUsage }),
    processes: openProcesses(db, usage, addUsage),
    idempotency: openIdempotency(db),
    shares: openShares(db),
    revocations: openRevocations(db),
    quotas: openQuotas(db),
    usage: openUsage(db, usage, addUsage),
    sandboxEvents: events,
    usageEvents: usage,
    audit: openAudit(db),
    ping,
    dispose: () => db.destroy(),
  };
};
