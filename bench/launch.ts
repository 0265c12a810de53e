import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createTokens } from '../src/authentication/tokens.ts';
import { call } from './client.ts';

const DESTROY_ALL =
  'mutation ($input: DestroySandboxesInput!) { destroySandboxes(input: $input) { __typename ... on Error { message } } }';

export type Launched = { url: string; pid: number; stop(): Promise<void> };

/** Runs a program until a line of its output matches; the first group of the match is its address. */
const launch = async (
  args: string[],
  ready: RegExp,
  env: Record<string, string>,
): Promise<Launched> => {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    // graphql-js checks more in development, on all servers alike.
    env: { ...process.env, NODE_ENV: 'production', ...env },
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    void exited.then(() => reject(new Error(`${args.join(' ')} ended before it was ready`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = ready.exec(line)?.[1];
      if (found) resolve(found);
    });
  });
  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
};

export const launchBaseline = (name: string): Promise<Launched> =>
  launch([`bench/baselines/${name}.ts`], /^((?:http|ws):\/\/\S+)/, {});

export const launchSandbank = async (
  env: Record<string, string> = {},
): Promise<Launched & { token: string }> => {
  const stateDir = await mkdtemp(join(tmpdir(), 'sandbank-bench-'));
  const secret = 'a secret of the benchmark, 32 bytes or more';
  const server = await launch(['src/main.ts'], /GraphQL\s+(http:\S+)/, {
    SANDBANK_STATE_DIR: stateDir,
    SANDBANK_JWT_SECRET: secret,
    SANDBANK_PORT: '0',
    SANDBANK_PORTS_PORT: '0',
    SANDBANK_LOG_LEVEL: 'warn',
    ...env,
  });
  const { token } = createTokens({ secret }).issue({
    subject: 'bench',
    tenant: 'bench',
    role: 'admin',
    ttlSeconds: 3600,
  });
  return {
    ...server,
    token,
    async stop() {
      // Sandboxes outlive their server; these would be in the way of the next question.
      const everything = { filter: { states: ['CREATING', 'READY'] } };
      await call({ ...server, token }, DESTROY_ALL, { input: everything });
      await server.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
};
