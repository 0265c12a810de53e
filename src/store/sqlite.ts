import { statSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { Kysely, SqliteDialect, sql } from 'kysely';
import type { Sealer } from '../lib/sealed.ts';
import type { Tables } from './database.ts';
import { createKyselyStore } from './kysely-store.ts';
import type { DatabaseFacts } from './servers.ts';
import type { Store } from './store.ts';

const MAX_STATEMENTS = 200;

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

const factsOf = (file: string): DatabaseFacts => ({
  now: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
  async identity() {
    if (file === ':memory:') return 'sqlite:memory';
    const { ino, birthtimeMs } = statSync(file);
    return `sqlite:${ino}:${Math.floor(birthtimeMs)}`;
  },
});

/** One file, `:memory:` for none. Committed rows survive a kill of the process; WAL with synchronous=NORMAL may lose the last ones in a power cut. */
export const createSqliteStore = async ({
  file,
  sealer,
}: {
  file: string;
  sealer: Sealer;
}): Promise<Store> => {
  const db = new DatabaseSync(file);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;');
  return createKyselyStore(
    new Kysely<Tables>({ dialect: new SqliteDialect({ database: adapt(db) }) }),
    sealer,
    factsOf(file),
  );
};
