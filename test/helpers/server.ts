import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createApp, type Parts } from '../../src/app.ts';
import type { TokenClaims } from '../../src/authentication/tokens.ts';
import { readConfig } from '../../src/config/read.ts';
import { principal } from './principal.ts';

export type TestServer = {
  url: string;
  wsUrl: string;
  portsUrl: string;
  token(options?: Partial<TokenClaims>): string;
  stop(): Promise<void>;
};

/** A real server on free ports with a state directory of its own; `stop` destroys what it made. */
export const startServer = async (
  env: Record<string, string> = {},
  log = pino({ level: 'silent' }),
  parts: Partial<Parts> = {},
): Promise<TestServer> => {
  const stateDir = await mkdtemp(join(tmpdir(), 'sandbank-test-'));
  const config = readConfig(
    {
      SANDBANK_STATE_DIR: stateDir,
      SANDBANK_PORT: '0',
      SANDBANK_PORTS_PORT: '0',
      SANDBANK_WARM_SANDBOXES: '1',
      SANDBANK_SHUTDOWN_SECONDS: '1',
      ...env,
    },
    stateDir,
  );
  const app = await createApp(config, log, parts);
  const { port, portsPort } = await app.listen();
  const tenants = new Set<string>();
  return {
    url: `http://127.0.0.1:${port}`,
    wsUrl: `ws://127.0.0.1:${port}/graphql`,
    portsUrl: `http://127.0.0.1:${portsPort}`,
    token({ role = 'admin', tenant = 'acme', ttlSeconds = 600, subject = 'tester', ...rest } = {}) {
      tenants.add(tenant);
      return app.tokens.issue({ subject, tenant, role, ttlSeconds, ...rest }).token;
    },
    async stop() {
      for (const tenant of tenants) {
        await app.services.sandboxes.destroyMany(principal({ tenant }), {
          states: ['QUEUED', 'CREATING', 'READY'],
        });
      }
      await app.dispose();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
};
