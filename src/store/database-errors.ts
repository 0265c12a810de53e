import { AppError } from '../errors.ts';

export type DatabaseTrouble = 'unreachable' | 'busy' | 'full';

const RETRY_AFTER_MS = 1_000;

const sentences: Record<DatabaseTrouble, string> = {
  unreachable: 'The database of this server does not answer at the moment. Try again in a second.',
  busy: 'The database of this server is busy: a lock or an answer was waited for too long. Try again in a second.',
  full: 'The disk of this server’s database is full, so nothing can be stored. Try again when the operator has made room.',
};

/** SQLSTATE of PostgreSQL, a code of five characters or the class it begins with. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const postgres: readonly [DatabaseTrouble, readonly string[]][] = [
  ['full', ['53100']],
  // Locked, deadlocked, not serializable, cancelled by a time limit, too many connections.
  ['busy', ['55P03', '40', '57014', '25P03', '25P04', '53']],
  // Shutting down, starting, a replica (what was the primary before a failover), refused logins, a disk that fails.
  ['unreachable', ['08', '57P', '25006', '28', '3D000', '58']],
];

/** Primary result codes of SQLite, and some extended ones. https://www.sqlite.org/rescode.html */
const SHARED_MEMORY_NOT_GROWN = 4_874;
const sqlite: readonly [DatabaseTrouble, readonly number[]][] = [
  ['full', [13, SHARED_MEMORY_NOT_GROWN]],
  ['busy', [5, 6, 15]],
  // Out of memory, read-only, interrupted, input or output failed, cannot be opened.
  ['unreachable', [7, 8, 9, 10, 14]],
];

/** Of Node.js, for sockets. */
const network = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND'],
  ...['EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN', 'ENOENT', 'EMFILE'],
]);

/** By codes and classes. null: a fault of ours, such as a statement that is wrong. */
export const troubleOf = (error: unknown): DatabaseTrouble | null => {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (typeof errcode === 'number')
    return (
      sqlite.find(([, codes]) => codes.includes(errcode) || codes.includes(errcode & 0xff))?.[0] ??
      null
    );
  if (typeof code === 'string') {
    if (network.has(code)) return 'unreachable';
    return postgres.find(([, codes]) => codes.some((one) => code.startsWith(one)))?.[0] ?? null;
  }
  // pg has no code for a connection that ended or did not answer; what it raises of its own accord is an `Error` and nothing more.
  return error instanceof Error && error.constructor === Error ? 'unreachable' : null;
};

export const toAppError = (trouble: DatabaseTrouble, cause: unknown): AppError =>
  new AppError(trouble === 'full' ? 'NO_SPACE' : 'UNAVAILABLE', sentences[trouble], {
    retryable: true,
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
