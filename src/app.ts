import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { createAuditLog } from './audit/log.ts';
import { auditRules } from './audit/rules.ts';
import { createAuditService } from './audit/service.ts';
import { issueDevelopmentToken } from './authentication/development-token.ts';
import { openAuthentication } from './authentication/open.ts';
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
import { makeStateDir } from './lib/state-dir.ts';
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

const SWEEP_MS = 60_000;
/** Before the end of a stop's patience. */
const LAST_MS = 2_000;

const operations = (): string[] =>
  globSync(fileURLToPath(new URL('../schema/operations/*.graphql', import.meta.url)))
    .sort()
    .map((file) => readFileSync(file, 'utf8'));

/** What tests replace. */
export type Parts = { openVendors(context: ProviderContext): Promise<Provider[]> };
const defaultParts = ({ providers }: Config): Parts => ({
  openVendors: (context) => openProviders(providers, context),
});

/** Closes what was opened, in reverse order. `keep` gives back the part that it has noted. */
type Opened = {
  keep<Part extends { dispose(): unknown }>(part: Part): Part;
  defer(close: () => unknown): void;
};

type Start = { config: Config; log: Logger; clock: () => number; opened: Opened };

/** Keys, records, journals and vendors: what every domain stands on. */
const openFoundations = async ({ config, log, clock, opened }: Start, { openVendors }: Parts) => {
  const { stateDir } = config;
  await makeStateDir(stateDir);
  opened.defer(await lockStateDir(stateDir));
  const { access, tokens, derive } = await openAuthentication(config);
  const sealer = createSealer(derive('seal'));
  const cursors = createCursors(derive('cursor'));
  const store = opened.keep(await openStore({ ...config, sealer, log }));
  const ownership = await openOwnership({ ...config, store, log });
  const lease = opened.keep(ownership.lease);
  const dir = join(stateDir, 'journal');
  const journal = opened.keep(await createFileJournal({ dir, ...config.journal, clock }));
  const audit = opened.keep(createAuditLog({ store: store.audit, clock, log }));
  const { deployment } = ownership.identity;
  const { limits: defaultLimits } = config.sandbox;
  const vendors = await openVendors({ deployment, stateDir, sealer, defaultLimits, log });
  const recovery = { done: Promise.resolve() };
  // Without its providers it ends soon; what it writes needs the store.
  opened.defer(() => recovery.done);
  const complete = vendors.map((one) => completeProvider(one, { deployment, log }));
  const pool = opened.keep(createPool(complete));
  const revocations = opened.keep(await openRevocations({ store: store.revocations, log }));
  const limiterStore = opened.keep(await openLimiterStore(config.redisUrl, log));
  const { plans } = access;
  const rates = createRateLimits({ plans, makeLimiter: limiterStore.makeLimiter, log });
  const quotas = createQuotas({ plans, store, serverLimit: config.maxSandboxes, clock });
  const core = { access, tokens, derive, cursors, store, ownership, lease, journal, audit };
  return { ...core, recovery, pool, revocations, rates, quotas };
};
type Foundations = Awaited<ReturnType<typeof openFoundations>>;

/** Where clients reach the two listeners: as configured, else as they listen. */
type PublicUrls = { api: string; ports: string };

/** One service a domain, each behind its rules. */
const openDomains = ({ config, log, clock, opened }: Start, f: Foundations, urls: PublicUrls) => {
  const { store, cursors, quotas, revocations, lease, pool, derive, rates } = f;
  const feed = opened.keep(
    createUsageFeed({ events: store.usageEvents, cursors, quotas, clock, log }),
  );
  const { onUsageRecorded, created } = feed;
  const sliceMs = config.usageSliceMs;
  const meter = opened.keep(createMeter({ store, lease, onUsageRecorded, sliceMs, clock, log }));
  const { sandbox: defaults, maxWaitMs, execOutputBytes, defaultPlan } = config;
  const sandboxes = opened.keep(
    createSandboxService({ ...f, meter, created, defaults, maxWaitMs, clock, log }),
  );
  const shared = { ...f, sandboxes: sandboxes.access, clock, log };
  const processes = opened.keep(
    createProcessService({ ...shared, onUsageRecorded, execOutputBytes }),
  );
  const files = createFileService({
    ...{ ...shared, secret: derive('transfer'), publicUrl: () => urls.api },
  });
  const ports = createPorts({
    ...{ ...shared, secret: derive('port'), publicUrl: () => urls.ports },
  });
  const tokenService = createTokenService({ ...shared, revocations });
  const usage = createUsageService({ store, quotas, rates, feed, defaultPlan, clock });
  const sharing = createSharingService({ ...shared, store: store.shares });
  const services: Services = {
    sandboxes: guard(sandboxes, sandboxRules, f),
    processes: guard(processes, processRules, f),
    files: guard(files, fileRules, f),
    ports: guard(ports, portRules, f),
    usage: guard(usage, usageRules, f),
    tokens: guard(tokenService, tokenRules, f),
    audit: guard(createAuditService(store.audit), auditRules, f),
    sharing: guard(sharing, sharingRules, f),
    diagnosis: guard(createDiagnosisService(shared), diagnosisRules, f),
    catalog: guard(createCatalogService(pool), catalogRules, f),
  };
  return { services, sandboxes, processes, files, ports };
};
type Domains = ReturnType<typeof openDomains>;

/** The API and the proxy to ports inside sandboxes. */
const openServers = (
  { config, log, opened }: Start,
  f: Foundations,
  { services, sandboxes, processes, files, ports }: Domains,
  urls: PublicUrls,
) => {
  const { tokens, revocations, audit, store, rates } = f;
  const isProduction = config.mode === 'production';
  const authenticator = createAuthenticator({
    ...{ tokens, revocations, audit, log },
    failuresPerMinute: config.authFailuresPerMinute,
    trustedProxies: config.trustedProxies,
  });
  const { maxUploadBytes } = config;
  const api = createServer({
    ...config,
    ...{ schema, services, authenticator, audit, rates, log, isProduction },
    sessions: createSessions(revocations),
    isSecure: () => urls.api.startsWith('https:'),
    graphiql: isProduction
      ? undefined
      : { token: issueDevelopmentToken(tokens).token, documents: operations() },
    ready: () => store.ping(),
    transfers: createTransferHandler({ files, audit, authenticator, maxUploadBytes, log }),
  });
  const proxy = createPortsProxy({ ports, authenticator, log });
  opened.defer(() => {
    // Who still waits for a process or a sandbox then hears what becomes of it, before the connection is cut.
    const endWaits = (): void => {
      processes.dispose();
      sandboxes
        .stopCreating()
        .catch((error: unknown) => log.error({ err: error }, 'Creates could not be ended.'));
    };
    const last = setTimeout(endWaits, Math.max(0, config.shutdownMs - LAST_MS));
    const { shutdownMs } = config;
    return Promise.all([api.close(shutdownMs), closeHttp(proxy, shutdownMs)]).finally(() =>
      clearTimeout(last),
    );
  });
  return { api, proxy };
};

/** What is done now and then, for as long as the server lives. */
const startHousekeeping = (
  { config, log, clock, opened }: Start,
  { store, journal }: Foundations,
): void => {
  const sweep = setInterval(() => {
    journal
      .sweep()
      .catch((error: unknown) => log.error({ err: error }, 'The journals could not be swept.'));
  }, SWEEP_MS).unref();
  opened.defer(() => clearInterval(sweep));
  opened.keep(createRetention({ store, retentionMs: config.retentionMs, clock, log }));
};

/** Whatever it opens is in `opened`, which closes it in reverse order. */
const assemble = async (start: Start, parts: Parts, dispose: () => Promise<void>): Promise<App> => {
  const { config, log } = start;
  const urls = { api: config.publicUrl ?? '', ports: config.portsPublicUrl ?? '' };
  const foundations = await openFoundations(start, parts);
  const domains = openDomains(start, foundations, urls);
  const { api, proxy } = openServers(start, foundations, domains, urls);
  startHousekeeping(start, foundations);
  const { keeper } = domains.sandboxes;
  return {
    tokens: foundations.tokens,
    services: domains.services,
    doubt: foundations.ownership.identity.doubt,
    get recovered() {
      return foundations.recovery.done;
    },
    async listen() {
      // Read before the first request: what requests make is not taken for what lived before.
      const before = await keeper.prepare();
      const port = await api.listen(config.port, config.host);
      const portsPort = await listen(proxy, config.portsPort, config.host, log);
      urls.api ||= `http://${config.host}:${port}`;
      urls.ports ||= `http://${config.host}:${portsPort}`;
      foundations.lease.setAddress(urls.api);
      foundations.recovery.done = keeper.start(before, domains.processes);
      return { port, portsPort };
    },
    dispose,
  };
};

/** The composition root: the only file that knows every part. A start that fails half-way closes what it has opened. */
export const createApp = async (
  config: Config,
  log: Logger,
  parts: Partial<Parts> = {},
): Promise<App> => {
  const stack = new AsyncDisposableStack();
  const opened: Opened = {
    defer: (close) => stack.defer(async () => void (await close())),
    keep(part) {
      opened.defer(() => part.dispose());
      return part;
    },
  };
  let disposal: Promise<void> | null = null;
  const dispose = (): Promise<void> => {
    disposal ??= stack.disposeAsync();
    return disposal;
  };
  try {
    const start: Start = { config, log, clock: Date.now, opened };
    return await assemble(start, { ...defaultParts(config), ...parts }, dispose);
  } catch (error) {
    await dispose().catch((failure: unknown) =>
      log.error({ err: failure }, 'A part could not be closed.'),
    );
    throw error;
  }
};
