import { createHmac } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { createAuditLog } from './audit/log.ts';
import { auditRules } from './audit/rules.ts';
import { createAuditService } from './audit/service.ts';
import { openAccess } from './authentication/open.ts';
import { openRevocations } from './authentication/revocations.ts';
import { tokenRules } from './authentication/rules.ts';
import { createTokenService } from './authentication/service.ts';
import { createSessions } from './authentication/sessions.ts';
import type { Tokens } from './authentication/tokens.ts';
import { guard } from './authorization/guard.ts';
import { sharingRules } from './authorization/rules.ts';
import { createSharingService } from './authorization/sharing.ts';
import { catalogRules } from './catalog/rules.ts';
import { createCatalogService } from './catalog/service.ts';
import type { Config } from './config/read.ts';
import { diagnosisRules } from './diagnosis/rules.ts';
import { createDiagnosisService } from './diagnosis/service.ts';
import { fileRules } from './files/rules.ts';
import { createFileService } from './files/service.ts';
import type { Services } from './graphql/context.ts';
import { schema } from './graphql/schema.ts';
import { createCursors } from './journal/cursor.ts';
import { createFileJournal } from './journal/file.ts';
import { createSealer } from './lib/sealed.ts';
import { lockStateDir } from './lib/state-lock.ts';
import { openLimiterStore } from './limits/limiter-store.ts';
import { createQuotas } from './limits/quotas.ts';
import { createRateLimits } from './limits/rate-limits.ts';
import { openOwnership } from './pool/ownership.ts';
import { createPool } from './pool/pool.ts';
import { createRetention } from './pool/retention.ts';
import { portRules } from './ports/rules.ts';
import { createPorts } from './ports/service.ts';
import { processRules } from './processes/rules.ts';
import { createProcessService } from './processes/service.ts';
import { completeProvider } from './providers/complete/provider.ts';
import { openProviders } from './providers/registry.ts';
import type { Provider, ProviderContext } from './providers/types/provider.ts';
import { sandboxRules } from './sandboxes/rules.ts';
import { createSandboxService } from './sandboxes/service.ts';
import { createAuthenticator } from './server/authenticator.ts';
import { createServer } from './server/http.ts';
import { closeHttp, listen } from './server/listen.ts';
import { createPortsProxy } from './server/ports-proxy.ts';
import { createTransferHandler } from './server/transfers.ts';
import { openStore } from './store/open.ts';
import { createUsageFeed } from './usage/feed.ts';
import { createMeter } from './usage/meter.ts';
import { usageRules } from './usage/rules.ts';
import { createUsageService } from './usage/service.ts';

export type App = {
  tokens: Tokens;
  /** As callers get them: every method asks its rule first. */
  services: Services;
  /** Takes both ports; they differ from the configuration where that says 0. What lived before is taken up afterwards, in the background. */
  listen(): Promise<{ port: number; portsPort: number }>;
  /** Why this server may be a copy of another one, and acts on nothing that it has not made; null when it is none. */
  doubt: string | null;
  /** After `listen`: resolves when everything that lived before it has been tried once. Never rejects. */
  readonly recovered: Promise<void>;
  /** Ends streams, closes listeners, lets go of the providers; sandboxes live on. Idempotent. */
  dispose(): Promise<void>;
};

const DEVELOPMENT_TOKEN_SECONDS = 24 * 3_600;
const SWEEP_MS = 60_000;

const operations = (): string[] =>
  globSync(fileURLToPath(new URL('../schema/operations/*.graphql', import.meta.url)))
    .sort()
    .map((file) => readFileSync(file, 'utf8'));

/** What tests replace. */
export type Parts = { openVendors(context: ProviderContext): Promise<Provider[]> };
const defaultParts = ({ providers }: Config): Parts => ({
  openVendors: (context) => openProviders(providers, context),
});

/** The composition root: the only file that knows every part. A start that fails half-way closes what it has opened. */
export const createApp = async (
  config: Config,
  log: Logger,
  parts: Partial<Parts> = {},
): Promise<App> => {
  const opened = new AsyncDisposableStack();
  try {
    return await assemble(config, log, { ...defaultParts(config), ...parts }, opened);
  } catch (error) {
    await opened
      .disposeAsync()
      .catch((failure: unknown) => log.error({ err: failure }, 'a part could not be closed'));
    throw error;
  }
};

/** Whatever it opens is in `opened`, which closes it in reverse order. */
const assemble = async (
  config: Config,
  log: Logger,
  { openVendors }: Parts,
  opened: AsyncDisposableStack,
): Promise<App> => {
  const clock = Date.now;
  const { maxUploadBytes, corsOrigins, defaultPlan } = config;
  await mkdir(config.stateDir, { recursive: true, mode: 0o711 });
  opened.defer(await lockStateDir(config.stateDir));
  const { access, tokens, secret } = await openAccess(config);
  // Keys of their own: a cursor or a URL can never pass as a token.
  const derive = (purpose: string): string =>
    createHmac('sha256', secret).update(purpose).digest('base64url');
  const sealer = createSealer(derive('seal'));
  const store = await openStore({ ...config, sealer, log });
  opened.defer(store.dispose);
  const ownership = await openOwnership({ ...config, store, log });
  const { lease } = ownership;
  opened.defer(lease.dispose);
  const dir = join(config.stateDir, 'journal');
  const journal = await createFileJournal({ dir, ...config.journal, clock });
  opened.defer(journal.dispose);
  const cursors = createCursors(derive('cursor'));
  const audit = createAuditLog({ store: store.audit, clock, log });
  opened.defer(audit.dispose);
  const { deployment } = ownership.identity;
  const vendors = await openVendors({
    ...{ deployment, stateDir: config.stateDir, sealer, log },
    defaultLimits: config.sandbox.limits,
  });
  const pool = createPool(vendors.map((one) => completeProvider(one, { deployment, log })));
  let recovery: Promise<void> = Promise.resolve();
  // Without its providers it ends soon; what it writes needs the store.
  opened.defer(() => recovery);
  opened.defer(pool.dispose);
  let publicUrl = config.publicUrl ?? '';
  let portsUrl = config.portsPublicUrl ?? '';

  const revocations = await openRevocations({ store: store.revocations, log });
  opened.defer(revocations.dispose);
  const sessions = createSessions(revocations);
  const limiterStore = await openLimiterStore(config.redisUrl, log);
  opened.defer(limiterStore.dispose);
  const { plans } = access;
  const rates = createRateLimits({ plans, makeLimiter: limiterStore.makeLimiter, log });
  const serverLimit = config.maxSandboxes;
  const quotas = createQuotas({ plans, store, serverLimit, clock });
  const feed = createUsageFeed({ events: store.usageEvents, cursors, quotas, clock, log });
  opened.defer(feed.dispose);
  const { onUsageRecorded, created } = feed;
  const meter = createMeter({
    ...{ store, lease, onUsageRecorded, clock, log },
    sliceMs: config.usageSliceMs,
  });
  opened.defer(meter.dispose);

  const sandboxes = createSandboxService({
    ...{ store, cursors, pool, ownership, quotas, meter, created, clock, log },
    defaults: config.sandbox,
    maxWaitMs: config.maxWaitMs,
  });
  opened.defer(sandboxes.dispose);
  const processes = createProcessService({
    ...{ store, journal, cursors, pool, lease, quotas, onUsageRecorded, clock, log },
    sandboxes: sandboxes.access,
    execOutputBytes: config.execOutputBytes,
  });
  opened.defer(processes.dispose);
  const files = createFileService({
    sandboxes: sandboxes.access,
    revocations,
    secret: derive('transfer'),
    publicUrl: () => publicUrl,
    clock,
  });
  const ports = createPorts({
    sandboxes: sandboxes.access,
    revocations,
    secret: derive('port'),
    publicUrl: () => portsUrl,
    clock,
  });
  const tokenService = createTokenService({
    ...{ tokens, access, revocations, clock },
    sandboxes: sandboxes.access,
  });
  const usage = createUsageService({ store, quotas, rates, feed, defaultPlan, clock });
  const sharing = createSharingService({
    store: store.shares,
    sandboxes: sandboxes.access,
    clock,
  });
  const diagnosis = createDiagnosisService({ sandboxes: sandboxes.access, pool });
  const by = { audit, rates };
  const services: Services = {
    sandboxes: guard(sandboxes, sandboxRules, by),
    processes: guard(processes, processRules, by),
    files: guard(files, fileRules, by),
    ports: guard(ports, portRules, by),
    usage: guard(usage, usageRules, by),
    tokens: guard(tokenService, tokenRules, by),
    audit: guard(createAuditService(store.audit), auditRules, by),
    sharing: guard(sharing, sharingRules, by),
    diagnosis: guard(diagnosis, diagnosisRules, by),
    catalog: guard(createCatalogService(pool), catalogRules, by),
  };

  const development =
    config.mode === 'development'
      ? tokens.issue({
          subject: 'dev',
          tenant: 'dev',
          role: 'admin',
          ttlSeconds: DEVELOPMENT_TOKEN_SECONDS,
        })
      : null;
  const authenticator = createAuthenticator({
    ...{ tokens, revocations, audit, log },
    failuresPerMinute: config.authFailuresPerMinute,
    trustedProxies: config.trustedProxies,
  });
  const server = createServer({
    ...{ schema, services, authenticator, audit, sessions, rates, log, corsOrigins },
    isProduction: config.mode === 'production',
    isSecure: () => publicUrl.startsWith('https:'),
    maxBodyBytes: config.maxBodyBytes,
    requestTimeoutMs: config.requestTimeoutMs,
    maxSubscriptionsPerSocket: config.maxSubscriptionsPerSocket,
    maxSubscriptionsPerTenant: config.maxSubscriptionsPerTenant,
    graphiql: development ? { token: development.token, documents: operations() } : undefined,
    ready: () => store.ping(),
    transfers: createTransferHandler({ files, audit, authenticator, maxUploadBytes, log }),
  });
  const portsServer = createPortsProxy({ ports, authenticator, log });
  const sweep = setInterval(() => {
    journal
      .sweep()
      .catch((error: unknown) => log.error({ err: error }, 'the journals could not be swept'));
  }, SWEEP_MS).unref();
  opened.defer(() => clearInterval(sweep));
  const { retentionMs } = config;
  opened.defer(createRetention({ store, retentionMs, clock, log }).dispose);
  opened.defer(async () => {
    const ms = config.shutdownMs;
    await Promise.all([server.close(ms), closeHttp(portsServer, ms)]);
  });
  let disposal: Promise<void> | null = null;

  return {
    tokens,
    services,
    doubt: ownership.identity.doubt,
    get recovered() {
      return recovery;
    },
    async listen() {
      // Read before the first request: what requests make is not taken for what lived before.
      const before = await sandboxes.keeper.prepare();
      const port = await server.listen(config.port, config.host);
      const portsPort = await listen(portsServer, config.portsPort, config.host, log);
      publicUrl ||= `http://${config.host}:${port}`;
      portsUrl ||= `http://${config.host}:${portsPort}`;
      lease.setAddress(publicUrl);
      recovery = sandboxes.keeper.start(before, processes);
      return { port, portsPort };
    },
    dispose() {
      disposal ??= opened.disposeAsync();
      return disposal;
    },
  };
};
