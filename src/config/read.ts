import { resolve } from 'node:path';
import { asymmetric } from '../authentication/algorithms.ts';
import { AppError } from '../errors.ts';
import { list, readVariables, type Values } from '../lib/settings.ts';
import { providerSettings } from '../providers/registry.ts';
import { authenticationVariables } from './authentication.ts';
import { ownershipVariables } from './ownership.ts';
import { providerVariables } from './providers.ts';
import { sandboxesVariables } from './sandboxes.ts';
import { serverVariables } from './server.ts';

const general = {
  ...serverVariables,
  ...providerVariables,
  ...authenticationVariables,
  ...sandboxesVariables,
  ...ownershipVariables,
};
type General = Values<typeof general>;
/** Of providers that are not enabled too: what is set for one is no mistake. */
const everything = { ...general, ...providerSettings() };

const findUnknown = (env: NodeJS.ProcessEnv): string[] =>
  Object.keys(env)
    .filter(
      (name) =>
        name.startsWith('SANDBANK_') &&
        !Object.hasOwn(everything, name) &&
        !name.startsWith('SANDBANK_TEST_'),
    )
    .map((name) => `${name}: there is no such variable; see sandbank --help`);

/** What no variable is wrong about alone. */
const findContradictions = (v: General): string[] => {
  const problems: string[] = [];
  if (v.SANDBANK_SANDBOX_TIMEOUT_SECONDS > v.SANDBANK_SANDBOX_MAX_TIMEOUT_SECONDS)
    problems.push(
      'SANDBANK_SANDBOX_TIMEOUT_SECONDS: is above SANDBANK_SANDBOX_MAX_TIMEOUT_SECONDS',
    );
  if (v.SANDBANK_HOST_LOST_SECONDS < v.SANDBANK_LEASE_SECONDS)
    problems.push('SANDBANK_HOST_LOST_SECONDS: is below SANDBANK_LEASE_SECONDS');
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
  return problems;
};

/** Everything the environment says, checked as a whole: `INVALID_ARGUMENT` names every problem, one a line. */
export const readConfig = (env: NodeJS.ProcessEnv, cwd: string) => {
  const problems: string[] = [];
  const v = readVariables(general, env, problems);
  const providers = (v.SANDBANK_PROVIDERS ?? []).map((name) => ({
    name,
    settings: readVariables(providerSettings(name), env, problems),
  }));
  problems.push(...findUnknown(env), ...findContradictions(v));
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
    providers,
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
  Object.entries(everything)
    .map(
      ([name, [, fallback, meaning]]) =>
        `  ${name.padEnd(40)}${(fallback ?? '').padEnd(14)} ${meaning}\n`,
    )
    .join('');
