import { Kysely, PostgresDialect } from 'kysely';
import { Pool, types } from 'pg';
import type { Sealer } from '../lib/sealed.ts';
import type { Tables } from './database.ts';
import { createKyselyStore } from './kysely-store.ts';
import type { Store } from './store.ts';

const INT8 = 20;

/** `url` as libpq reads it. bigint columns come as numbers: milliseconds and bytes stay below 2^53. */
export const createPostgresStore = async ({
  url,
  sealer,
}: {
  url: string;
  sealer: Sealer;
}): Promise<Store> => {
  const pool = new Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 30_000,
    types: {
      getTypeParser: (oid, format) =>
        (oid === INT8 ? Number : types.getTypeParser(oid, format)) as never,
    },
  });
  // An idle connection that the database closes must not end the server; the next query takes another.
  pool.on('error', () => undefined);
  return createKyselyStore(new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }), sealer);
};
