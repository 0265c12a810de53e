import { execFile, spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
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

/** With setpriv a test that fails or is ended leaves no server behind: the kernel ends it with the test's process. */
const programArgs = (program: string): string[] => [
  ...['--pdeathsig', 'KILL', '--', process.execPath],
  '--disable-warning=ExperimentalWarning',
  program,
];
const programEnv = (stateDir: string, port: number, more: Record<string, string>) => ({
  ...process.env,
  SANDBANK_STATE_DIR: stateDir,
  SANDBANK_PORT: String(port),
  SANDBANK_PORTS_PORT: '0',
  SANDBANK_JWT_SECRET: secret,
  SANDBANK_LOG_LEVEL: 'error',
  SANDBANK_WARM_SANDBOXES: '1',
  ...more,
});

export type Launched = {
  pid: number;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** What it has written to stderr so far. */
  log(): string;
  /** How it ended, and all that it wrote to stderr. */
  ended: Promise<{ code: number | null; stderr: string }>;
};

/** The program as a user starts it, so that it can be killed like one. Resolves at once; `ready` rejects when it ends instead. */
export const start = (
  stateDir: string,
  port: number,
  program = 'src/main.ts',
  more: Record<string, string> = {},
): Launched & { ready: Promise<void> } => {
  const child = spawn('setpriv', programArgs(program), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: programEnv(stateDir, port, more),
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, stderr })),
  );
  const ready = new Promise<void>((resolve, reject) => {
    void ended.then(() => reject(new Error(`the server ended: ${stderr}`)));
    createInterface({ input: child.stdout }).on(
      'line',
      (line) => line.includes('is ready') && resolve(),
    );
  });
  ready.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    ready,
    ended,
    log: () => stderr,
    async kill(signal) {
      child.kill(signal);
      await ended;
    },
  };
};

/** A started program that is ready. */
export const launch = async (...how: Parameters<typeof start>): Promise<Launched> => {
  const launched = start(...how);
  await launched.ready;
  return launched;
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

/** A command of an operator, with the settings of a server; what it printed. */
export const runProgram = async (
  words: readonly string[],
  env: Record<string, string>,
): Promise<string> => {
  const { SANDBANK_STATE_DIR: stateDir = '' } = env;
  const args = [...programArgs('src/main.ts'), ...words];
  const { stdout } = await promisify(execFile)('setpriv', args, {
    env: programEnv(stateDir, 0, env),
  });
  return stdout;
};
