import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import type { AuditLog } from '../audit/log.ts';
import type { Principal } from '../authentication/principal.ts';
import type { Revocations } from '../authentication/revocations.ts';
import type { Tokens } from '../authentication/tokens.ts';
import { AppError } from '../errors.ts';

export type Authenticator = {
  /** Of the client: the peer, or what the nearest of our own proxies saw. */
  addressOf(request: IncomingMessage): string | null;
  /** Who a token speaks for. Refusals are audited and counted per address; too many of them are `RATE_LIMITED`. */
  authenticate(token: string, requestId: string, address: string | null): Promise<Principal>;
  /** Somebody without a token asked for what needs one. */
  rejectAnonymous(
    action: string,
    requestId: string,
    address: string | null,
  ): Promise<AppError | null>;
};

const MINUTE_SECONDS = 60;

export const createAuthenticator = ({
  tokens,
  revocations,
  audit,
  failuresPerMinute,
  trustedProxies,
  log,
}: {
  tokens: Tokens;
  revocations: Revocations;
  audit: AuditLog;
  /** Of one address. */
  failuresPerMinute: number;
  /** How many proxies of our own stand in front, each of which adds one address to X-Forwarded-For. */
  trustedProxies: number;
  log: Logger;
}): Authenticator => {
  // In this process on purpose: an attack on the tokens must not become one on a store.
  const failures = new RateLimiterMemory({ points: failuresPerMinute, duration: MINUTE_SECONDS });

  /** Counts a refusal; how long to wait when there were too many, and whether this is the first of those. */
  const count = async (
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
  const refuse = async (
    action: string,
    error: AppError,
    requestId: string,
    address: string | null,
  ): Promise<AppError | null> => {
    const note = (why: AppError): void =>
      audit.note({ requestId, address }, { action, target: null, sandboxId: null }, why);
    const limited = await count(address);
    if (!limited) {
      note(error);
      return null;
    }
    const { retryAfterMs, isFirst } = limited;
    const tooMany = new AppError(
      'RATE_LIMITED',
      'Too many requests of this address were refused. Get a valid token, and try again later.',
      { retryAfterMs },
    );
    // It stands for those that follow: refusals must not fill the logs.
    if (isFirst) {
      log.warn({ address }, 'an address is refused for a while');
      note(tooMany);
    }
    return tooMany;
  };

  return {
    addressOf(request) {
      const peer = request.socket.remoteAddress ?? null;
      if (trustedProxies === 0) return peer;
      const seen = String(request.headers['x-forwarded-for'] ?? '')
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean);
      return seen.at(-trustedProxies) ?? peer;
    },
    async authenticate(token, requestId, address) {
      try {
        const identity = await tokens.verify(token);
        revocations.check(identity);
        return { ...identity, requestId, address };
      } catch (error) {
        if (!(error instanceof AppError) || error.code === 'UNAVAILABLE') throw error;
        throw (await refuse('authenticate', error, requestId, address)) ?? error;
      }
    },
    rejectAnonymous: (action, requestId, address) =>
      refuse(action, new AppError('UNAUTHENTICATED', 'No token.'), requestId, address),
  };
};
