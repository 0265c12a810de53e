import { join } from 'node:path';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { Sealer } from '../lib/sealed.ts';
import type { Store } from './store.ts';

/** PostgreSQL when there is a URL, else one SQLite file in the state directory. */
export const openStore = async (options: {
  stateDir: string;
  databaseUrl?: string | undefined;
  sealer: Sealer;
  log?: Logger | undefined;
  databasePoolSize?: number | undefined;
  databaseTimeoutMs?: number | undefined;
}): Promise<Store> => {
  const { stateDir, databaseUrl, sealer, log } = options;
  try {
    return databaseUrl
      ? await (await import('./postgres.ts')).createPostgresStore({
          url: databaseUrl,
          sealer,
          log,
          poolSize: options.databasePoolSize,
          timeoutMs: options.databaseTimeoutMs,
        })
      : await (await import('./sqlite.ts')).createSqliteStore({
          file: join(stateDir, 'sandbank.sqlite'),
          sealer,
          log,
        });
  } catch (error) {
    throw new AppError('UNAVAILABLE', `The database cannot be used. ${reasonOf(error)}`, {
      cause: error,
    });
  }
};

/** Never the URL, which holds a password. A refused connection to a name with several addresses has its messages one below. */
const reasonOf = (error: unknown): string => {
  const { message, errors } = (error instanceof AppError ? error.cause : error) as Error & {
    errors?: readonly Error[];
  };
  const said = message || errors?.map((one) => one.message).join(', ') || String(error);
  const advice = /corrupted migrations/.test(said)
    ? 'A newer version of Sandbank wrote it: start that version, or give this one another database.'
    : 'Check SANDBANK_DATABASE_URL, or the state directory when it is not set.';
  return `${said.replaceAll('\n', ' ')}. ${advice}`;
};
