/** Every code a client can meet, in one closed list; GraphQL's `ErrorCode` enum is made from it. */
export const errorCodes = [
  'UNAUTHENTICATED',
  'TOKEN_EXPIRED',
  'FORBIDDEN',
  'NOT_FOUND',
  'INVALID_ARGUMENT',
  'BAD_CURSOR',
  'CURSOR_EXPIRED',
  'ALREADY_EXISTS',
  'CONFLICT',
  'PRECONDITION_FAILED',
  'IDEMPOTENCY_CONFLICT',
  'UNSUPPORTED',
  'TERMINATED',
  'TIMEOUT',
  'TOO_LARGE',
  'NO_SPACE',
  'LIMIT_EXCEEDED',
  'UNAVAILABLE',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export type AppErrorOptions = {
  /** The same call may succeed later without a change. Default: true for `UNAVAILABLE` and `TIMEOUT`. */
  retryable?: boolean;
  /** How long to wait before a retry, in milliseconds. */
  retryAfterMs?: number;
  /** Facts a program can use, e.g. `{ earliest }` for `CURSOR_EXPIRED`. Never secrets. */
  details?: Record<string, string | number | boolean>;
  cause?: unknown;
};

/** A failure that is safe to show: `message` says what was wrong, where, and what to do. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly details: Record<string, string | number | boolean>;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryable = options.retryable ?? (code === 'UNAVAILABLE' || code === 'TIMEOUT');
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details ?? {};
  }
}

export const notFound = (what: string, id: string): AppError =>
  new AppError(
    'NOT_FOUND',
    `No ${what} with id "${id.slice(0, 100)}". Check the id; it may be another tenant's or gone.`,
  );
