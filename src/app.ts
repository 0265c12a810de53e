import { createHmac } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { loadSecret } from './access/secret.ts';
import { createTokens, type Tokens } from './access/tokens.ts';
import type { Config } from './config.ts';
import { createFileService } from './files/service.ts';
import type { Services } from './graphql/context.ts';
import { schema } from './graphql/schema.ts';
import { createCursors } from './journal/cursor.ts';
import { createFileJournal } from './journal/file.ts';
import { lockStateDir } from './lib/state-lock.ts';
import { createPool } from './pool/pool.ts';
import { createProcessService } from './processes/service.ts';
import { openProviders } from './providers/registry.ts';
import { createPorts } from './sandboxes/ports.ts';
import { createSandboxService } from './sandboxes/service.ts';
import { closeHttp, createServer, listen } from './server/http.ts';
import { createPortsProxy } from './server/ports-proxy.ts';
import { createTransferHandler } from './server/transfers.ts';
import { openStore } from './store/open.ts';

export type App = {
  tokens: Tokens;
  services: Services;
  /** Takes both ports; they differ from the configuration where that says 0. */
  listen(): Promise<{ port: number; portsPort: number }>;
  /** Ends streams, closes listeners, lets go of the providers; sandboxes live on. Idempotent. */
  dispose(): Promise<void>;
};

const DEVELOPMENT_TOKEN_SECONDS = 24 * 3_600;
const SWEEP_MS = 60_000;
/** A sandbox without a server ends itself after this. */
const LEASE_MS = 24 * 3_600_000;

const operations = (): string[] =>
  globSync(fileURLToPath(new URL('../schema/operations/*.graphql', import.meta.url)))
    .sort()
    .map((file) => readFileSync(file, 'utf8'));

/** The composition root: the only file that knows every part. */
export const createApp = async (config: Config, log: Logger): Promise<App> => {
  const clock = Date.now;
  await mkdir(config.stateDir, { recursive: true, mode: 0o711 });
  const unlock = await lockStateDir(config.stateDir);
  const secret = await loadSecret(config.stateDir, config.jwt.secret);
  // Keys of their own: a cursor or a URL can never pass as a token.
  const derive = (purpose: string): string =>
    createHmac('sha256', secret).update(purpose).digest('base64url');
  const tokens = createTokens({ ...config.jwt, secret });
  const store = await openStore(config);
  const journal = await createFileJournal({
    dir: join(config.stateDir, 'journal'),
    ...config.journal,
    clock,
  });
  const cursors = createCursors(derive('cursor'));
  const pool = createPool(
    await openProviders({
      stateDir: config.stateDir,
      warmSandboxes: config.warmSandboxes,
      defaultLimits: config.sandbox.limits,
      leaseMs: LEASE_MS,
      log,
    }),
  );
  let publicUrl = config.publicUrl ?? '';
  let portsUrl = config.portsPublicUrl ?? '';

  const sandboxes = createSandboxService({
    store,
    journal,
    cursors,
    pool,
    defaults: config.sandbox,
    clock,
    log,
  });
  const processes = createProcessService({
    store,
    journal,
    cursors,
    pool,
    sandboxes,
    execOutputBytes: config.execOutputBytes,
    clock,
    log,
  });
  const files = createFileService({
    sandboxes,
    secret: derive('transfer'),
    publicUrl: () => publicUrl,
    clock,
  });
  const ports = createPorts({
    sandboxes,
    secret: derive('port'),
    publicUrl: () => portsUrl,
    clock,
  });
  const services: Services = { sandboxes, processes, files, ports };

  const development =
    config.mode === 'development'
      ? tokens.issue({
          subject: 'dev',
          tenant: 'dev',
          role: 'admin',
          ttlSeconds: DEVELOPMENT_TOKEN_SECONDS,
        })
      : null;
  const server = createServer({
    schema,
    services,
    tokens,
    log,
    maxBodyBytes: config.maxBodyBytes,
    maxSubscriptionsPerSocket: config.maxSubscriptionsPerSocket,
    corsOrigins: config.corsOrigins,
    graphiql: development ? { token: development.token, documents: operations() } : undefined,
    ready: () => store.ping(),
    transfers: createTransferHandler({ files, maxUploadBytes: config.maxUploadBytes, log }),
  });
  const portsServer = createPortsProxy({ ports, log });
  await sandboxes.recover();
  await processes.recover();
  const sweep = setInterval(() => {
    journal
      .sweep()
      .catch((error: unknown) => log.error({ err: error }, 'the journals could not be swept'));
    store.idempotency
      .purge(clock() - 24 * 3_600_000)
      .catch((error: unknown) =>
        log.error({ err: error }, 'old idempotency keys could not be removed'),
      );
  }, SWEEP_MS).unref();
  let disposal: Promise<void> | null = null;

  return {
    tokens,
    services,
    async listen() {
      const port = await server.listen(config.port, config.host);
      const portsPort = await listen(portsServer, config.portsPort, config.host);
      publicUrl ||= `http://${config.host}:${port}`;
      portsUrl ||= `http://${config.host}:${portsPort}`;
      return { port, portsPort };
    },
    dispose() {
      disposal ??= (async () => {
        clearInterval(sweep);
        await Promise.all([
          server.close(config.shutdownMs),
          closeHttp(portsServer, config.shutdownMs),
        ]);
        sandboxes.dispose();
        processes.dispose();
        await pool.dispose();
        await journal.dispose();
        await store.dispose();
        await unlock();
      })();
      return disposal;
    },
  };
};
