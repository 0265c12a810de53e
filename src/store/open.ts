import { join } from 'node:path';
import type { Sealer } from '../lib/sealed.ts';
import type { Store } from './store.ts';

/** PostgreSQL when there is a URL, else one SQLite file in the state directory. */
export const openStore = async (options: {
  stateDir: string;
  databaseUrl?: string | undefined;
  sealer: Sealer;
}): Promise<Store> =>
  options.databaseUrl
    ? (await import('./postgres.ts')).createPostgresStore({
        url: options.databaseUrl,
        sealer: options.sealer,
      })
    : (await import('./sqlite.ts')).createSqliteStore({
        file: join(options.stateDir, 'sandbank.sqlite'),
        sealer: options.sealer,
      });
