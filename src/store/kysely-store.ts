import { sql } from 'kysely';
import type { Database } from './database.ts';
import { openIdempotency } from './idempotency.ts';
import { migrate } from './migrate.ts';
import { openProcesses } from './processes.ts';
import { openSandboxes } from './sandboxes.ts';
import type { Store } from './store.ts';

/** The store over any dialect, once its tables are there. */
export const createKyselyStore = async (db: Database): Promise<Store> => {
  await migrate(db);
  return {
    sandboxes: openSandboxes(db),
    processes: openProcesses(db),
    idempotency: openIdempotency(db),
    ping: async () => void (await sql`select 1`.execute(db)),
    dispose: () => db.destroy(),
  };
};
