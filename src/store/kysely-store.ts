import { sql } from 'kysely';
import type { Sealer } from '../lib/sealed.ts';
import { openAccess } from './access.ts';
import type { Database } from './database.ts';
import { openIdempotency } from './idempotency.ts';
import { migrate } from './migrate.ts';
import { openProcesses } from './processes.ts';
import { openSandboxes } from './sandboxes.ts';
import type { Store } from './store.ts';

/** The store over any dialect, once its tables are there. `sealer` keeps values of variables from being read in the database. */
export const createKyselyStore = async (db: Database, sealer: Sealer): Promise<Store> => {
  await migrate(db);
  return {
    sandboxes: openSandboxes(db, sealer),
    processes: openProcesses(db),
    idempotency: openIdempotency(db),
    access: openAccess(db),
    ping: async () => void (await sql`select 1`.execute(db)),
    dispose: () => db.destroy(),
  };
};
