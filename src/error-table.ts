import type { ErrorCode } from './errors.ts';

/** How an error looks to each kind of client. A GraphQL answer that has errors in its body is a success of HTTP, status 200. */
export type ErrorRow = {
  /** HTTP status of a request to `/graphql` that is refused as a whole. */
  requestStatus: number;
  /** HTTP status of a signed upload or download URL. */
  transferStatus: number;
  /** HTTP status of the ports proxy, which stands in front of a server that is not ours. */
  portStatus: number;
  /** Close code of the WebSocket: one of graphql-transport-ws. */
  closeCode: number;
  /** Exit code of the command line. */
  exitCode: number;
};

/** graphql-transport-ws: Forbidden. */
const FORBIDDEN_CLOSE = 4403;
const BAD_GATEWAY = 502;
const FAILED_EXIT = 1;

const row = (status: number, others: Partial<ErrorRow> = {}): ErrorRow => ({
  requestStatus: status,
  transferStatus: status,
  portStatus: BAD_GATEWAY,
  closeCode: FORBIDDEN_CLOSE,
  exitCode: FAILED_EXIT,
  ...others,
});

/** One row for each code; the compiler finds the code that has none. */
export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = {
  UNAUTHENTICATED: row(401),
  TOKEN_EXPIRED: row(401),
  // The bearer of a signed URL has no token of its own to renew.
  TOKEN_REVOKED: row(401, { transferStatus: 403, portStatus: 403 }),
  FORBIDDEN: row(403, { portStatus: 403 }),
  NOT_FOUND: row(404, { portStatus: 410 }),
  INVALID_ARGUMENT: row(400),
  BAD_CURSOR: row(400),
  CURSOR_EXPIRED: row(410),
  ALREADY_EXISTS: row(409),
  CONFLICT: row(409),
  PRECONDITION_FAILED: row(412),
  IDEMPOTENCY_CONFLICT: row(409),
  UNSUPPORTED: row(501),
  TERMINATED: row(410, { portStatus: 410 }),
  WRONG_SERVER: row(421, { portStatus: 421 }),
  // A request that did not arrive in time; behind a signed URL it is the sandbox that did not answer.
  TIMEOUT: row(408, { transferStatus: 504 }),
  TOO_LARGE: row(413),
  NO_SPACE: row(507),
  LIMIT_EXCEEDED: row(422),
  QUOTA_EXCEEDED: row(429),
  RATE_LIMITED: row(429, { portStatus: 429 }),
  UNAVAILABLE: row(503),
  INTERNAL: row(500, { portStatus: 500 }),
};
