/** Every code that a client can receive, in one closed list; GraphQL's `ErrorCode` enum is made from it. */
export const errorCodes = [
  'UNAUTHENTICATED',
  'TOKEN_EXPIRED',
  'TOKEN_REVOKED',
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
  'WRONG_SERVER',
  'TIMEOUT',
  'TOO_LARGE',
  'NO_SPACE',
  'LIMIT_EXCEEDED',
  'QUOTA_EXCEEDED',
  'RATE_LIMITED',
  'UNAVAILABLE',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export type AppErrorOptions = {
  /** The same call may succeed later without a change. Default: true for `UNAVAILABLE`, `TIMEOUT`, `RATE_LIMITED` and `WRONG_SERVER`. */
  retryable?: boolean;
  /** How long to wait before a retry, in milliseconds. */
  retryAfterMs?: number;
  /** Facts a program can use, e.g. `{ earliest }` for `CURSOR_EXPIRED`. Never secrets. */
  details?: Record<string, string | number | boolean>;
  cause?: unknown;
};

const ALWAYS_RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'UNAVAILABLE',
  'TIMEOUT',
  'RATE_LIMITED',
  'WRONG_SERVER',
]);

/** A failure that is safe to show: `message` says what was wrong, what is allowed, and what to do. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly details: Record<string, string | number | boolean>;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryable = options.retryable ?? ALWAYS_RETRYABLE.has(code);
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details ?? {};
  }
}

/** Codes that refuse the caller (who it is, or how much it has used), not what it requested. */
const DENIALS: ReadonlySet<ErrorCode> = new Set([
  'UNAUTHENTICATED',
  'TOKEN_EXPIRED',
  'TOKEN_REVOKED',
  'FORBIDDEN',
  'QUOTA_EXCEEDED',
  'RATE_LIMITED',
]);
export const isDenial = ({ code }: AppError): boolean => DENIALS.has(code);

/** Whether what failed may have happened all the same: it was sent, and the answer is missing. */
export const isAmbiguous = (error: unknown): boolean =>
  error instanceof AppError && error.details.ambiguous === true;

/** The quota that was exceeded, as clients need it to wait or to ask for more. */
export type QuotaFacts = { quota: string; limit: number; used: number; resetAt: number | null };

/** `QUOTA_EXCEEDED` with the quota, its limit, its use, and when it resets. */
export class QuotaError extends AppError {
  readonly facts: QuotaFacts;

  constructor(message: string, facts: QuotaFacts) {
    const { resetAt, ...rest } = facts;
    super('QUOTA_EXCEEDED', message, {
      details: resetAt === null ? rest : { ...rest, resetAt: new Date(resetAt).toISOString() },
      ...(resetAt === null
        ? {}
        : { retryable: true, retryAfterMs: Math.max(0, resetAt - Date.now()) }),
    });
    this.facts = facts;
  }
}

export const notFound = (what: string, id: string): AppError =>
  new AppError(
    'NOT_FOUND',
    `No ${what} with the id "${id.slice(0, 100)}" exists. Check the id; it may also belong to another tenant.`,
  );
