import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import type { MakeLimiter } from './rate-limits.ts';

export type LimiterStore = { makeLimiter: MakeLimiter; dispose(): Promise<void> };

const TIMEOUT_MS = 500;

/** Counters in this process, or in a Redis that several servers share. A Redis that does not answer within half a second counts as down. */
export const openLimiterStore = async (
  url: string | undefined,
  log: Logger,
): Promise<LimiterStore> => {
  if (url === undefined)
    return {
      makeLimiter: (keyPrefix, points, duration) =>
        new RateLimiterMemory({ keyPrefix, points, duration }),
      dispose: async () => undefined,
    };
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: TIMEOUT_MS,
    connectTimeout: TIMEOUT_MS * 4,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  redis.on('error', (error: unknown) => log.warn({ err: error }, 'Redis does not answer.'));
  // A Redis that is down does not keep the server from starting: the policy for that case applies until it is back.
  await redis.connect().catch(() => undefined);
  return {
    makeLimiter: (keyPrefix, points, duration) =>
      new RateLimiterRedis({
        storeClient: redis,
        keyPrefix: `sandbank:${keyPrefix}`,
        points,
        duration,
      }),
    dispose: async () => redis.disconnect(),
  };
};
