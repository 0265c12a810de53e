import { spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { createTokens } from '../../src/authentication/tokens.ts';
import type { TestServer } from './server.ts';

const secret = 'a secret of the launched test server, 32 bytes';

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

/** The program as a user starts it, so that it can be killed like one. */
export const launch = async (
  stateDir: string,
  port: number,
  program = 'src/main.ts',
  more: Record<string, string> = {},
): Promise<{ pid: number; kill(signal: NodeJS.Signals): Promise<void> }> => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      SANDBANK_STATE_DIR: stateDir,
      SANDBANK_PORT: String(port),
      SANDBANK_PORTS_PORT: '0',
      SANDBANK_JWT_SECRET: secret,
      SANDBANK_LOG_LEVEL: 'error',
      SANDBANK_WARM_SANDBOXES: '1',
      ...more,
    },
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    void exited.then(() => reject(new Error('the server ended')));
    createInterface({ input: child.stdout }).on(
      'line',
      (line) => line.includes('is ready') && resolve(),
    );
  });
  return {
    pid: child.pid ?? 0,
    async kill(signal) {
      child.kill(signal);
      await exited;
    },
  };
};

/** The launched server as the client helpers know one. */
export const launchedServer = (port: number): TestServer => ({
  url: `http://127.0.0.1:${port}`,
  wsUrl: `ws://127.0.0.1:${port}/graphql`,
  portsUrl: '',
  token: () =>
    createTokens({ secret }).issue({
      subject: 'tester',
      tenant: 'acme',
      role: 'admin',
      ttlSeconds: 600,
    }).token,
  stop: async () => undefined,
});
