import { resolve } from 'node:path';
import { z } from 'zod';
import { algorithms, asymmetric } from './authentication/algorithms.ts';
import { ownership } from './config/ownership.ts';
import { claim, count, list, optional, port, size } from './config/values.ts';
import { AppError } from './errors.ts';

/** One list: the schema, the defaults and the help all come from it. */
const variables = {
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
  SANDBANK_JWT_SECRET: [
    z.string().min(32).optional(),
    undefined,
    'HS256 secret, 32 bytes or more (default: made and kept in the state directory)',
  ],
  SANDBANK_JWT_PUBLIC_KEY_FILE: [
    optional,
    undefined,
    'PEM file of public keys or certificates for RS, PS and ES tokens',
  ],
  SANDBANK_JWKS_URL: [
    z.url({ protocol: /^https?$/ }).optional(),
    undefined,
    'JSON Web Key Set of public keys, fetched and kept for 10 minutes',
  ],
  SANDBANK_JWT_ALGORITHMS: [
    z
      .string()
      .transform(list)
      .pipe(z.array(z.enum(algorithms)).min(1)),
    'HS256',
    `accepted signatures, separated by commas: ${algorithms.join(', ')}`,
  ],
  SANDBANK_JWT_CLOCK_TOLERANCE_SECONDS: [count(0, 300), '5', 'how far clocks may differ'],
  SANDBANK_JWT_CLAIM_SUBJECT: [claim, 'sub', 'claim (or path with dots) of the subject'],
  SANDBANK_JWT_CLAIM_TENANT: [claim, 'tenant', 'of the tenant'],
  SANDBANK_JWT_CLAIM_ROLE: [claim, 'role', 'of the role'],
  SANDBANK_JWT_CLAIM_SCOPE: [claim, 'scope', 'of the scope, which narrows the role'],
  SANDBANK_JWT_CLAIM_PLAN: [claim, 'plan', 'of the plan'],
  SANDBANK_ACCESS_FILE: [optional, undefined, 'JSON file of roles and plans (docs/access.md)'],
  SANDBANK_DEFAULT_PLAN: [
    optional,
    undefined,
    'plan of tokens that name none (default: unlimited in development, free in production)',
  ],
  SANDBANK_REDIS_URL: [
    z
      .string()
      .regex(/^rediss?:\/\//, 'must be redis://…')
      .optional(),
    undefined,
    'Redis that counts rate limits for several servers (default: in this process)',
  ],
  SANDBANK_AUTH_FAILURES_PER_MINUTE: [
    count(1, 1_000_000),
    '60',
    'refused requests of one address before it is answered 429',
  ],
  SANDBANK_TRUSTED_PROXIES: [
    count(0, 10),
    '0',
    'own proxies in front, each adding to X-Forwarded-For',
  ],
  SANDBANK_JWT_ISSUER: [optional, undefined, 'iss that tokens must have'],
  SANDBANK_JWT_AUDIENCE: [optional, undefined, 'aud that tokens must have'],
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
  SANDBANK_MAX_SANDBOXES: [
    count(0, 1_000_000),
    '0',
    'sandboxes alive at once of all tenants, 0 for no limit',
  ],
  SANDBANK_QUEUE_SECONDS: [
    count(1, 86_400),
    '3600',
    'how long a sandbox waits for room (wait: true)',
  ],
  SANDBANK_USAGE_SECONDS: [count(1, 3_600), '10', 'how often what sandboxes use is booked'],
  SANDBANK_JOURNAL_RETAIN_BYTES: [size, '64MiB', 'kept of each stream'],
  SANDBANK_JOURNAL_RETAIN_HOURS: [count(1, 8_760), '24', 'how long a stream is kept after its end'],
  SANDBANK_WARM_SANDBOXES: [count(0, 500), '2', 'local sandboxes kept started, for quick creates'],
  SANDBANK_SANDBOX_TIMEOUT_SECONDS: [
    count(1, 31_536_000),
    '1800',
    'life of a sandbox that asks for none',
  ],
  SANDBANK_SANDBOX_MAX_TIMEOUT_SECONDS: [count(1, 31_536_000), '86400', 'longest life'],
  SANDBANK_SANDBOX_CPUS: [count(1, 1_024), '1', 'cores of a sandbox that asks for none'],
  SANDBANK_SANDBOX_MEMORY: [size, '512MiB', 'memory of a sandbox that asks for none'],
  SANDBANK_SANDBOX_DISK: [size, '1GiB', 'disk of a sandbox that asks for none'],
  SANDBANK_SANDBOX_PROCESSES: [
    count(1, 100_000),
    '256',
    'processes of a sandbox that asks for none',
  ],
  SANDBANK_EXEC_OUTPUT_BYTES: [
    size,
    '1MiB',
    'most that exec returns of each stream; the rest is in the journal',
  ],
  SANDBANK_SHUTDOWN_SECONDS: [count(0, 600), '10', 'how long to wait for clients at the end'],
  ...ownership,
} as const satisfies Record<string, readonly [z.ZodType, string | undefined, string]>;

type Name = keyof typeof variables;
type Values = { [Key in Name]: z.output<(typeof variables)[Key][0]> };

const isKnown = (name: string): name is Name => Object.hasOwn(variables, name);

const parse = (env: NodeJS.ProcessEnv): { values: Values; problems: string[] } => {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, [schema, fallback, meaning]] of Object.entries(variables)) {
    const given = env[name] === '' ? undefined : env[name];
    const result = (schema as z.ZodType).safeParse(given ?? fallback);
    if (result.success) values[name] = result.data;
    else
      problems.push(
        `${name}: ${result.error.issues.map((issue) => issue.message).join(', ')} (${meaning}${fallback ? `; such as ${fallback}` : ''})`,
      );
  }
  for (const name of Object.keys(env)) {
    if (name.startsWith('SANDBANK_') && !isKnown(name) && !name.startsWith('SANDBANK_TEST_'))
      problems.push(`${name}: there is no such variable; see sandbank --help`);
  }
  return { values: values as Values, problems };
};

/** Everything the environment says, checked as a whole: `INVALID_ARGUMENT` names every problem, one a line. */
export const readConfig = (env: NodeJS.ProcessEnv, cwd: string) => {
  const { values: v, problems } = parse(env);
  if (v.SANDBANK_SANDBOX_TIMEOUT_SECONDS > v.SANDBANK_SANDBOX_MAX_TIMEOUT_SECONDS)
    problems.push(
      'SANDBANK_SANDBOX_TIMEOUT_SECONDS: is above SANDBANK_SANDBOX_MAX_TIMEOUT_SECONDS',
    );
  if (v.SANDBANK_PORT && v.SANDBANK_PORT === v.SANDBANK_PORTS_PORT)
    problems.push('SANDBANK_PORTS_PORT: must differ from SANDBANK_PORT');
  const usesPublicKeys = v.SANDBANK_JWT_PUBLIC_KEY_FILE ?? v.SANDBANK_JWKS_URL;
  if (
    usesPublicKeys !== undefined &&
    !v.SANDBANK_JWT_ALGORITHMS?.some((one) => asymmetric.some((known) => known === one))
  )
    problems.push(
      `SANDBANK_JWT_ALGORITHMS: must name those the public keys are for, of ${asymmetric.join(', ')}`,
    );
  if (problems.length)
    throw new AppError(
      'INVALID_ARGUMENT',
      `The configuration has ${problems.length} problem(s):\n  ${problems.join('\n  ')}`,
    );
  return Object.freeze({
    mode: v.SANDBANK_MODE,
    host: v.SANDBANK_HOST,
    port: v.SANDBANK_PORT,
    portsPort: v.SANDBANK_PORTS_PORT,
    publicUrl: v.SANDBANK_PUBLIC_URL,
    portsPublicUrl: v.SANDBANK_PORTS_PUBLIC_URL,
    stateDir: resolve(cwd, v.SANDBANK_STATE_DIR),
    databaseUrl: v.SANDBANK_DATABASE_URL,
    databasePoolSize: v.SANDBANK_DATABASE_POOL_SIZE,
    databaseTimeoutMs: v.SANDBANK_DATABASE_TIMEOUT_SECONDS * 1_000,
    retentionMs: v.SANDBANK_RETENTION_DAYS * 86_400_000,
    jwt: {
      secret: v.SANDBANK_JWT_SECRET,
      issuer: v.SANDBANK_JWT_ISSUER,
      audience: v.SANDBANK_JWT_AUDIENCE,
      algorithms: v.SANDBANK_JWT_ALGORITHMS,
      clockToleranceSeconds: v.SANDBANK_JWT_CLOCK_TOLERANCE_SECONDS,
      publicKeyFile: v.SANDBANK_JWT_PUBLIC_KEY_FILE,
      jwksUrl: v.SANDBANK_JWKS_URL,
      claims: {
        subject: v.SANDBANK_JWT_CLAIM_SUBJECT,
        tenant: v.SANDBANK_JWT_CLAIM_TENANT,
        role: v.SANDBANK_JWT_CLAIM_ROLE,
        scope: v.SANDBANK_JWT_CLAIM_SCOPE,
        plan: v.SANDBANK_JWT_CLAIM_PLAN,
      },
    },
    accessFile: v.SANDBANK_ACCESS_FILE && resolve(cwd, v.SANDBANK_ACCESS_FILE),
    defaultPlan:
      v.SANDBANK_DEFAULT_PLAN ?? (v.SANDBANK_MODE === 'production' ? 'free' : 'unlimited'),
    redisUrl: v.SANDBANK_REDIS_URL,
    authFailuresPerMinute: v.SANDBANK_AUTH_FAILURES_PER_MINUTE,
    trustedProxies: v.SANDBANK_TRUSTED_PROXIES,
    maxSubscriptionsPerTenant: v.SANDBANK_MAX_SUBSCRIPTIONS_PER_TENANT,
    requestTimeoutMs: v.SANDBANK_REQUEST_TIMEOUT_SECONDS * 1_000,
    maxSandboxes: v.SANDBANK_MAX_SANDBOXES || null,
    maxWaitMs: v.SANDBANK_QUEUE_SECONDS * 1_000,
    usageSliceMs: v.SANDBANK_USAGE_SECONDS * 1_000,
    logLevel: v.SANDBANK_LOG_LEVEL,
    corsOrigins: list(v.SANDBANK_CORS_ORIGINS),
    maxBodyBytes: v.SANDBANK_MAX_BODY_BYTES,
    maxUploadBytes: v.SANDBANK_MAX_UPLOAD_BYTES,
    maxSubscriptionsPerSocket: v.SANDBANK_MAX_SUBSCRIPTIONS_PER_SOCKET,
    journal: {
      retainBytes: v.SANDBANK_JOURNAL_RETAIN_BYTES,
      retainMs: v.SANDBANK_JOURNAL_RETAIN_HOURS * 3_600_000,
    },
    warmSandboxes: v.SANDBANK_WARM_SANDBOXES,
    sandbox: {
      timeoutMs: v.SANDBANK_SANDBOX_TIMEOUT_SECONDS * 1_000,
      maxTimeoutMs: v.SANDBANK_SANDBOX_MAX_TIMEOUT_SECONDS * 1_000,
      limits: {
        cpus: v.SANDBANK_SANDBOX_CPUS,
        memoryBytes: v.SANDBANK_SANDBOX_MEMORY,
        diskBytes: v.SANDBANK_SANDBOX_DISK,
        processes: v.SANDBANK_SANDBOX_PROCESSES,
      },
    },
    execOutputBytes: v.SANDBANK_EXEC_OUTPUT_BYTES,
    shutdownMs: v.SANDBANK_SHUTDOWN_SECONDS * 1_000,
    hostId: v.SANDBANK_HOST_ID,
    leaseMs: v.SANDBANK_LEASE_SECONDS * 1_000,
    hostLostMs: v.SANDBANK_HOST_LOST_SECONDS * 1_000,
  });
};

export type Config = ReturnType<typeof readConfig>;

/** The variables, their defaults and meanings, one a line. */
export const configHelp = (): string =>
  Object.entries(variables)
    .map(
      ([name, [, fallback, meaning]]) =>
        `  ${name.padEnd(40)}${(fallback ?? '').padEnd(14)}${meaning}\n`,
    )
    .join('');
