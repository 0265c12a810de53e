import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import type { AuditLog } from '../audit/log.ts';
import type { Principal } from '../authentication/principal.ts';
import type { Revocations } from '../authentication/revocations.ts';
import type { Tokens } from '../authentication/tokens.ts';
import { AppError } from '../errors.ts';

export type Authenticator = {
  /** The address of the client: the peer, or what the nearest of the trusted proxies saw. */
  addressOf(request: IncomingMessage): string | null;
  /** The caller that a token identifies. Rejections are audited and counted per address; too many of them are `RATE_LIMITED`. */
  authenticate(token: string, requestId: string, address: string | null): Promise<Principal>;
  /** Audits and counts a call without a token to what needs one; the error when there were too many. */
  rejectAnonymous(
    action: string,
    requestId: string,
    address: string | null,
  ): Promise<AppError | null>;
};

export type AuthenticatorOptions = {
  tokens: Tokens;
  revocations: Revocations;
  audit: AuditLog;
  /** The rejections that one address may cause in a minute. */
  failuresPerMinute: number;
  /** How many of our own proxies stand in front, each of which adds one address to X-Forwarded-For. */
  trustedProxies: number;
  log: Logger;
};

type Rejections = Pick<AuthenticatorOptions, 'audit' | 'failuresPerMinute' | 'log'> & {
  failures: RateLimiterMemory;
};

const MINUTE_SECONDS = 60;

/** Counts a rejection. When there were too many: how long to wait, and whether this is the first beyond the limit. */
const countFailure = async (
  { failures, failuresPerMinute }: Rejections,
  address: string | null,
): Promise<{ retryAfterMs: number; isFirst: boolean } | null> => {
  try {
    await failures.consume(address ?? '');
    return null;
  } catch (reason) {
    const { msBeforeNext, consumedPoints } = reason as RateLimiterRes;
    return {
      retryAfterMs: Math.max(1, Math.ceil(msBeforeNext)),
      isFirst: consumedPoints === failuresPerMinute + 1,
    };
  }
};

/** Audits and counts a rejection; the error that replaces it when there were too many. */
const reject = async (
  x: Rejections,
  action: string,
  error: AppError,
  requestId: string,
  address: string | null,
): Promise<AppError | null> => {
  const record = (reason: AppError): void =>
    x.audit.recordInBackground(
      { requestId, address },
      { action, target: null, sandboxId: null },
      reason,
    );
  const limited = await countFailure(x, address);
  if (!limited) {
    record(error);
    return null;
  }
  const { retryAfterMs, isFirst } = limited;
  const tooMany = new AppError(
    'RATE_LIMITED',
    'Too many requests from this address were rejected. Get a valid token, and try again later.',
    { retryAfterMs },
  );
  // One row stands for all that follow: rejections must not fill the logs.
  if (isFirst) {
    x.log.warn({ address }, 'An address exceeded its limit of rejected requests.');
    record(tooMany);
  }
  return tooMany;
};

const addressOf = (request: IncomingMessage, trustedProxies: number): string | null => {
  const peer = request.socket.remoteAddress ?? null;
  if (trustedProxies === 0) return peer;
  const forwarded = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
  return forwarded.at(-trustedProxies) ?? peer;
};

export const createAuthenticator = (options: AuthenticatorOptions): Authenticator => {
  const { tokens, revocations, failuresPerMinute: points } = options;
  // In this process on purpose: an attack on the tokens must not become one on a store.
  const failures = new RateLimiterMemory({ points, duration: MINUTE_SECONDS });
  const x: Rejections = { ...options, failures };
  return {
    addressOf: (request) => addressOf(request, options.trustedProxies),
    async authenticate(token, requestId, address) {
      try {
        const identity = await tokens.verify(token);
        revocations.check(identity);
        return { ...identity, requestId, address };
      } catch (error) {
        if (!(error instanceof AppError) || error.code === 'UNAVAILABLE') throw error;
        throw (await reject(x, 'authenticate', error, requestId, address)) ?? error;
      }
    },
    rejectAnonymous: (action, requestId, address) =>
      reject(
        x,
        action,
        new AppError('UNAUTHENTICATED', 'The request has no token.'),
        requestId,
        address,
      ),
  };
};
