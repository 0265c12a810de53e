import type { Sealer } from '../lib/sealed.ts';
import { openAudit } from './audit.ts';
import type { Database } from './database.ts';
import { openEventLog } from './events.ts';
import { openIdempotency } from './idempotency.ts';
import { openOrphans } from './orphans.ts';
import { openOwnership } from './ownership.ts';
import { openProcesses } from './processes.ts';
import { openQuotas } from './quotas.ts';
import { openRevocations } from './revocations.ts';
import { translate } from './sandbox-rows.ts';
import { openSandboxes } from './sandboxes.ts';
import { type DatabaseFacts, openServers } from './servers.ts';
import { openShares } from './shares.ts';
import type { Store } from './store.ts';
import type { SandboxEventBody } from './types/sandbox-event.ts';
import type { UsageEventBody } from './types/usage-event.ts';
import { openUsage, prepareAddUsage } from './usage.ts';

/** The store over any dialect, whose tables are there. `sealer` keeps values of variables from being read in the database. */
export const createKyselyStore = (
  db: Database,
  sealer: Sealer,
  facts: DatabaseFacts,
  ping: Store['ping'],
): Store => {
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
    servers: openServers(db, facts),
    ownership: openOwnership(db, translate(sealer), facts.now),
    orphans: openOrphans(db),
    ping,
    dispose: () => db.destroy(),
  };
};
