import { Kysely, PostgresDialect, sql } from 'kysely';
import { Pool, types } from 'pg';
import type { Logger } from 'pino';
import type { Sealer } from '../lib/sealed.ts';
import type { Tables } from './database.ts';
import { createKyselyStore } from './kysely-store.ts';
import type { DatabaseFacts } from './servers.ts';
import type { Store } from './store.ts';

const INT8 = 20;

const facts: DatabaseFacts = {
  now: sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
  /** A replica has the system identifier of its primary; what is restored from a dump, or made from a template, differs. */
  async identity(db) {
    const { rows } = await sql<{ identity: string }>`
      select system_identifier || ':' || pg_database.oid as "identity"
      from pg_control_system(), pg_database where datname = current_database()`.execute(db);
    return `postgres:${rows[0]?.identity}`;
  },
};

/** `url` as libpq reads it. bigint columns come as numbers: milliseconds and bytes stay below 2^53. */
export const createPostgresStore = async ({
  url,
  sealer,
  log,
}: {
  url: string;
  sealer: Sealer;
  /** Told of connections that break. */
  log?: Logger | undefined;
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
  // A connection that breaks is an event of its own, beside the failure of its query, and without a listener it ends the process. The pool
  // listens to idle ones only.
  pool.on('connect', (client) =>
    client.on('error', (error) =>
      log?.warn({ err: error }, 'a connection to PostgreSQL broke; the next query takes another'),
    ),
  );
  pool.on('error', () => undefined);
  return createKyselyStore(
    new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }),
    sealer,
    facts,
  );
};
