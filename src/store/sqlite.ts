import { statSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { CompiledQuery, Kysely, SqliteDialect, sql } from 'kysely';
import type { Logger } from 'pino';
import type { Sealer } from '../lib/sealed.ts';
import { withTimeLimit } from '../lib/time-limit.ts';
import type { Tables } from './database.ts';
import { toAppError, troubleOf } from './database-errors.ts';
import { guardDialect } from './guarded-dialect.ts';
import { createKyselyStore } from './kysely-store.ts';
import { migrate } from './migrate.ts';
import type { DatabaseFacts } from './servers.ts';
import type { Store } from './store.ts';

const MAX_STATEMENTS = 200;
/** Others write to the file too (a command of the operator, a backup). They are waited for without holding up the event loop. */
const LOCKED_MS = 2_000;
const LOOK_MS = 10;
const PING_MS = 2_000;
/** A disk that was full is not taken for free because a small row fits in. */
const FULL_MS = 5_000;

/** node:sqlite as Kysely's SQLite dialect knows a database; statements are kept, preparing costs more than running. */
const adapt = (db: DatabaseSync) => {
  const statements = new Map<string, StatementSync>();
  const prepare = (text: string): StatementSync => {
    let statement = statements.get(text);
    if (!statement) {
      if (statements.size >= MAX_STATEMENTS) statements.clear();
      statement = db.prepare(text);
      statements.set(text, statement);
    }
    return statement;
  };
  return {
    close: () => db.close(),
    prepare(text: string) {
      const statement = prepare(text);
      return {
        reader: statement.columns().length > 0,
        all: (parameters: readonly unknown[]) => statement.all(...(parameters as SQLInputValue[])),
        run: (parameters: readonly unknown[]) => statement.run(...(parameters as SQLInputValue[])),
        iterate: (parameters: readonly unknown[]) =>
          statement.iterate(...(parameters as SQLInputValue[])),
      };
    },
  };
};

/** Waits for whoever holds the file's lock; when that has taken too long, everybody is told at once until it is free again. */
const createLockWait = (limitMs: number) => {
  let lockedSince: number | null = null;
  return async <Result>(statement: () => Promise<Result>): Promise<Result> => {
    for (;;) {
      try {
        const result = await statement();
        lockedSince = null;
        return result;
      } catch (error) {
        if (troubleOf(error) !== 'busy') throw error;
        lockedSince ??= Date.now();
        if (Date.now() - lockedSince > limitMs) throw error;
        await sleep(LOOK_MS);
      }
    }
  };
};

const factsOf = (file: string): DatabaseFacts => ({
  now: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
  async identity() {
    if (file === ':memory:') return 'sqlite:memory';
    const { ino, birthtimeMs } = statSync(file);
    return `sqlite:${ino}:${Math.floor(birthtimeMs)}`;
  },
});

export type SqliteOptions = {
  /** `:memory:` for none. */
  file: string;
  sealer: Sealer;
  log?: Logger | undefined;
};

/** One file. Committed rows survive a kill of the process; WAL with synchronous=NORMAL may lose the last ones in a power cut. */
export const createSqliteStore = async ({ file, sealer, log }: SqliteOptions): Promise<Store> => {
  const handle = new DatabaseSync(file);
  handle.exec(
    'PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;',
  );
  let fullAt = 0;
  const dialect = guardDialect(new SqliteDialect({ database: adapt(handle) }), {
    log,
    onTrouble(trouble) {
      if (trouble === 'full') fullAt = Date.now();
    },
    async begin(connection) {
      if (handle.isTransaction) await connection.executeQuery(CompiledQuery.raw('rollback'));
      // A transaction that reads first and writes then would fail where another has written in between, without waiting for it.
      await connection.executeQuery(CompiledQuery.raw('begin immediate'));
    },
    run: createLockWait(LOCKED_MS),
  });
  const db = new Kysely<Tables>({ dialect });
  try {
    await migrate(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  handle.exec('PRAGMA busy_timeout = 0');

  const ask = async (): Promise<void> => {
    await sql`select 1`.execute(db);
    if (fullAt === 0) return;
    if (fullAt > Date.now() - FULL_MS) throw toAppError('full', null);
    // Nobody may have tried to write since.
    await db
      .insertInto('tenant_locks')
      .values({ tenant: '', taken: 1 })
      .onConflict((conflict) =>
        conflict
          .column('tenant')
          .doUpdateSet(({ eb }) => ({ taken: eb('tenant_locks.taken', '+', 1) })),
      )
      .execute();
    fullAt = 0;
  };
  return createKyselyStore(db, sealer, factsOf(file), () =>
    withTimeLimit(ask(), PING_MS, () =>
      toAppError('busy', new Error(`SQLite did not answer within ${PING_MS / 1_000} s.`)),
    ),
  );
};
