import { z } from 'zod';
import { count, size, type Variables } from '../lib/settings.ts';

const port = count(0, 65_535);

/** How the server is reached, where it keeps things, and what one request may cost. */
export const serverVariables = {
  SANDBANK_MODE: [
    z.enum(['development', 'production']),
    'development',
    'development prints a token and serves GraphiQL',
  ],
  SANDBANK_HOST: [z.string().min(1), '127.0.0.1', 'address to listen on'],
  SANDBANK_PORT: [port, '4000', 'port of the API, 0 takes a free one'],
  SANDBANK_PORTS_PORT: [
    port,
    '4001',
    'port of the proxy to ports inside sandboxes, 0 takes a free one',
  ],
  SANDBANK_PUBLIC_URL: [
    z.url().optional(),
    undefined,
    'how clients reach the API (default: host and port)',
  ],
  SANDBANK_PORTS_PUBLIC_URL: [
    z.url().optional(),
    undefined,
    'how clients reach the proxy (default: host and port)',
  ],
  SANDBANK_STATE_DIR: [z.string().min(1), './.sandbank', 'where everything is kept'],
  SANDBANK_DATABASE_URL: [
    z
      .string()
      .regex(/^postgres(ql)?:\/\//, 'must be postgres://…')
      .optional(),
    undefined,
    'PostgreSQL instead of a SQLite file',
  ],
  SANDBANK_DATABASE_POOL_SIZE: [count(1, 1_000), '10', 'connections to PostgreSQL at once'],
  SANDBANK_DATABASE_TIMEOUT_SECONDS: [
    count(1, 300),
    '10',
    'longest statement in PostgreSQL; a connection is waited for half as long, a lock a tenth',
  ],
  SANDBANK_RETENTION_DAYS: [
    count(1, 3_650),
    '30',
    'how long ended sandboxes and processes, events and ledger entries are kept',
  ],
  SANDBANK_REDIS_URL: [
    z
      .string()
      .regex(/^rediss?:\/\//, 'must be redis://…')
      .optional(),
    undefined,
    'Redis that counts rate limits for several servers (default: in this process)',
  ],
  SANDBANK_TRUSTED_PROXIES: [
    count(0, 10),
    '0',
    'own proxies in front, each adding to X-Forwarded-For',
  ],
  SANDBANK_LOG_LEVEL: [
    z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    'info',
    'trace to silent',
  ],
  SANDBANK_CORS_ORIGINS: [z.string(), '', 'origins of other sites’ pages, separated by commas'],
  SANDBANK_MAX_BODY_BYTES: [size, '10MiB', 'largest GraphQL request'],
  SANDBANK_MAX_UPLOAD_BYTES: [size, '4GiB', 'largest upload to a signed URL'],
  SANDBANK_MAX_SUBSCRIPTIONS_PER_SOCKET: [
    count(1, 10_000),
    '200',
    'operations at once on one WebSocket',
  ],
  SANDBANK_MAX_SUBSCRIPTIONS_PER_TENANT: [
    count(1, 1_000_000),
    '5000',
    'subscriptions at once of one tenant on this server',
  ],
  SANDBANK_REQUEST_TIMEOUT_SECONDS: [
    count(1, 3_600),
    '30',
    'how long a GraphQL request may take to arrive',
  ],
  SANDBANK_SHUTDOWN_SECONDS: [count(0, 600), '10', 'how long to wait for clients at the end'],
} satisfies Variables;
