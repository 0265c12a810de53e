import type { DatabaseConnection, Dialect, Driver } from 'kysely';
import type { Logger } from 'pino';
import { type DatabaseTrouble, toAppError, troubleOf } from './database-errors.ts';

const LOG_MS = 10_000;

/** One line at once, then at most one in ten seconds with how many failed since: a database that is gone must not fill the log. */
const createReport = (log: Logger | undefined) => {
  const last = new Map<DatabaseTrouble, { at: number; failures: number }>();
  return (trouble: DatabaseTrouble, error: unknown): void => {
    const seen = last.get(trouble) ?? { at: 0, failures: 0 };
    seen.failures += 1;
    last.set(trouble, seen);
    if (seen.at > Date.now() - LOG_MS) return;
    const { code, errcode, message } = error as Partial<Record<string, unknown>>;
    log?.warn(
      { trouble, failures: seen.failures, code: errcode ?? code, reason: message },
      'the database cannot do what it is asked for',
    );
    Object.assign(seen, { at: Date.now(), failures: 0 });
  };
};

export type GuardOptions = {
  log: Logger | undefined;
  /** Told of what went wrong. */
  onTrouble?: (trouble: DatabaseTrouble) => void;
  /** In place of how the dialect begins a transaction. */
  begin?: (connection: DatabaseConnection) => Promise<void>;
  /** Around each statement. */
  run?: <Result>(statement: () => Promise<Result>) => Promise<Result>;
};

/**
 * Every query passes here. What the database cannot do now is `UNAVAILABLE` or `NO_SPACE`, both retryable; what is left is a bug. The failure
 * of a rollback hides no failure before it.
 */
export const guardDialect = (
  dialect: Dialect,
  { log, onTrouble, begin, run = (statement) => statement() }: GuardOptions,
): Dialect => {
  const report = createReport(log);
  const classify = (error: unknown): unknown => {
    const trouble = troubleOf(error);
    if (trouble === null) return error;
    report(trouble, error);
    onTrouble?.(trouble);
    return toAppError(trouble, error);
  };
  const classified = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw classify(error);
    }
  };

  const guarded = new WeakSet<DatabaseConnection>();
  const guard = (connection: DatabaseConnection): DatabaseConnection => {
    if (guarded.has(connection)) return connection;
    guarded.add(connection);
    const execute = connection.executeQuery.bind(connection);
    connection.executeQuery = (...query) => classified(() => run(() => execute(...query))) as never;
    return connection;
  };
  const guardDriver = (driver: Driver): Driver => ({
    init: (options) => classified(() => driver.init(options)),
    acquireConnection: (options) =>
      classified(async () => guard(await driver.acquireConnection(options))),
    beginTransaction: (connection, settings) =>
      begin ? begin(connection) : driver.beginTransaction(connection, settings),
    commitTransaction: (connection) => driver.commitTransaction(connection),
    // The connection is given up by its driver, or was not in a transaction any more.
    rollbackTransaction: (connection) =>
      driver.rollbackTransaction(connection).catch(() => undefined),
    releaseConnection: (connection, options) => driver.releaseConnection(connection, options),
    destroy: (options) => driver.destroy(options),
  });
  return {
    createDriver: () => guardDriver(dialect.createDriver()),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
  };
};
