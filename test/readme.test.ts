import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../src/graphql/schema.ts';
import { freePort } from './helpers/launch.ts';

const readme = readFileSync('README.md', 'utf8');
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Record<string, string>;
};
/** Fenced blocks: a fence with a language (or none) opens, the next one closes. */
const fences = [...readme.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
const blocks = (language: string): string[] =>
  fences.filter(([, name]) => name === language).map(([, , text = '']) => text);
const [startCommand = '', askCommand = '', accessCommand = '', testCommand = ''] = blocks('sh');
const run = promisify(execFile);

/** What changes from one start to the next. */
const shape = (text: string): string =>
  text
    .replace(/127\.0\.0\.1:\d+/g, 'ADDRESS')
    .replace(/eyJ[\w.…-]+/g, 'TOKEN')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/sbx_\w+/g, 'sbx_ID')
    .trim();

const isAlive = (group: number): boolean => {
  try {
    return process.kill(group, 0);
  } catch {
    return false;
  }
};

describe('the README', () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'sandbank-readme-'));
  let port: number;
  let env: NodeJS.ProcessEnv;
  let stop: () => Promise<void>;
  const seen: string[] = [];

  beforeAll(async () => {
    port = await freePort();
    env = {
      ...process.env,
      SANDBANK_STATE_DIR: stateDir,
      SANDBANK_PORT: String(port),
      SANDBANK_PORTS_PORT: String(await freePort()),
    };
    // The part after the installation, which has been done here.
    const command = startCommand.trim().replace(/^npm install && npm run setup && /, '');
    expect(command).toBe('npm start');
    const child = spawn('npm', ['start', '--silent'], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
      // npm does not pass signals on: the group gets them.
      detached: true,
    });
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    stop = async () => {
      const group = -(child.pid ?? 0);
      process.kill(group, 'SIGTERM');
      await exited;
      // npm ends before the server that it started.
      while (isAlive(group)) await sleep(20);
    };
    await new Promise<void>((resolve, reject) => {
      void exited.then(() => reject(new Error(`npm start ended: ${seen.join('\n')}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        seen.push(line);
        if (line.includes('Authorization')) resolve();
      });
    });
  }, 30_000);
  afterAll(async () => {
    await stop?.();
    rmSync(stateDir, { recursive: true, force: true });
  });

  it('shows what a user sees at the start', () => {
    expect(shape(seen.join('\n'))).toBe(shape(blocks('')[0] ?? ''));
  });

  it('has an example for the shell that gives what it says', async () => {
    const script = askCommand.replaceAll('127.0.0.1:4000', `127.0.0.1:${port}`);
    const { stdout } = await run('bash', ['-c', script], { env });
    expect(shape(stdout)).toBe(shape(blocks('txt')[0] ?? ''));
    const id = /sbx_\w+/.exec(stdout)?.[0];
    const destroy = script.replace(
      /-d '.*'/s,
      `-d '{"query":"mutation { destroySandbox(input: { sandboxId: \\"${id}\\" }) { __typename } }"}'`,
    );
    const { stdout: answer } = await run('bash', ['-c', destroy], { env });
    expect(answer).toContain('SandboxPayload');
  });

  it('has examples for tokens and the audit log that work', async () => {
    const { stdout } = await run('bash', ['-c', accessCommand], { env });
    expect(stdout).toMatch(
      /^ey[\w.-]+\n✓ tenant dev: \d+ rows, \w{64}\nThe audit log is whole\.\n$/,
    );
  });

  it('has GraphQL that the schema knows', () => {
    for (const text of blocks('graphql')) expect(validate(schema, parse(text))).toEqual([]);
  });

  it('names scripts that exist, and files that exist', () => {
    expect(testCommand.trim()).toBe('npm install && npm run setup -- --test && npm test');
    const named = [...readme.matchAll(/npm (?:run (?:-s )?)?(\w+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => name !== 'install' && !scripts[name])).toEqual([]);
    const links = [...readme.matchAll(/\]\(([^)h][^)]*)\)/g)].map(([, path = '']) => path);
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((path) => !existsSync(path))).toEqual([]);
  });
});
