import { Kysely, PostgresDialect, sql } from 'kysely';
import { Client, Pool, types } from 'pg';
import type { Logger } from 'pino';
import type { Sealer } from '../lib/sealed.ts';
import { withTimeLimit } from '../lib/time-limit.ts';
import type { Tables } from './database.ts';
import { toAppError, troubleOf } from './database-errors.ts';
import { guardDialect } from './guarded-dialect.ts';
import { createKyselyStore } from './kysely-store.ts';
import { migrate } from './migrate.ts';
import { createBoundedPool } from './postgres-pool.ts';
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
const PING_MS = 2_000;
/** PostgreSQL says itself that a statement took too long; who hears nothing by then is not connected any more. */
const GRACE_MS = 2_000;

const getTypeParser = (oid: number, format?: 'text' | 'binary'): never =>
  (oid === INT8 ? Number : types.getTypeParser(oid, format as 'text')) as never;

/** On a connection of its own, so that a pool that is used up is no reason to be taken out of service. */
const createPing = (connectionString: string): (() => Promise<void>) => {
  const ask = async (): Promise<void> => {
    const client = new Client({ connectionString, connectionTimeoutMillis: PING_MS });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query('select pg_is_in_recovery() as standby');
      if ((rows[0] as { standby: boolean }).standby)
        throw new Error('PostgreSQL is a standby, which takes no writes.');
    } finally {
      client.end().catch(() => undefined);
    }
  };
  let asking: Promise<void> | null = null;
  return async () => {
    asking ??= withTimeLimit(
      ask(),
      PING_MS,
      () => new Error(`PostgreSQL did not answer within ${PING_MS / 1_000} s.`),
    ).finally(() => {
      asking = null;
    });
    await asking.catch((error: unknown) => {
      throw toAppError(troubleOf(error) ?? 'unreachable', error);
    });
  };
};

export type PostgresOptions = {
  /** As libpq reads it. */
  url: string;
  sealer: Sealer;
  /** Told of connections that break. */
  log?: Logger | undefined;
  poolSize?: number | undefined;
  /** Longest statement; a place in the pool is waited for half as long, and a lock a tenth. */
  timeoutMs?: number | undefined;
};

/** bigint columns come as numbers: milliseconds and bytes stay below 2^53. */
export const createPostgresStore = async ({
  url: connectionString,
  sealer,
  log,
  poolSize = 10,
  timeoutMs = 10_000,
}: PostgresOptions): Promise<Store> => {
  const open = (limits: object, max: number): Pool => {
    const pool = new Pool({
      connectionString,
      ...{ max, connectionTimeoutMillis: timeoutMs / 2, keepAlive: true },
      ...limits,
      types: { getTypeParser },
    });
    // A connection that breaks is an event of its own, beside the failure of its query, and without a listener it ends the process. The pool
    // listens to idle ones only.
    pool.on('connect', (client) =>
      client.on('error', (error) =>
        log?.warn({ err: error }, 'a connection to PostgreSQL broke; the next query takes another'),
      ),
    );
    pool.on('error', () => undefined);
    return pool;
  };

  // Changes of large tables may take longer than any statement after them.
  const setup = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: open({}, 2) }) });
  await migrate(setup).finally(() => setup.destroy());

  // A statement that waits for a lock keeps its place in the pool from all others, so it does not wait long.
  const limits = { statement_timeout: timeoutMs, lock_timeout: Math.ceil(timeoutMs / 10) };
  const pool = createBoundedPool(open(limits, poolSize), timeoutMs + GRACE_MS);
  const dialect = guardDialect(new PostgresDialect({ pool }), { log });
  return createKyselyStore(
    new Kysely<Tables>({ dialect }),
    sealer,
    facts,
    createPing(connectionString),
  );
};
