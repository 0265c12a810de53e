import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { lockStateDir } from '../../src/lib/state-lock.ts';
import { ask, mutate, newSandbox } from '../helpers/client.ts';
import { freePort, launch, launchedServer, start } from '../helpers/launch.ts';

/** Command lines of living processes that name the folder, or are inside one of its sandboxes. */
const processesOf = (stateDir: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const [command = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        const isOf = [1, 2].some((fd) =>
          readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(stateDir),
        );
        return isOf ? [`${pid} ${command}`] : [];
      } catch {
        return [];
      }
    });

describe('a start that fails', () => {
  const folders: string[] = [];
  const newFolder = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'sandbank-start-'));
    folders.push(folder);
    return folder;
  };
  afterAll(() => Promise.all(folders.map((dir) => rm(dir, { recursive: true, force: true }))));

  /** It ends by itself with 1 and one line, and leaves neither a lock nor a process. */
  const expectFailure = async (
    stateDir: string,
    port: number,
    line: RegExp,
    more: Record<string, string> = {},
  ): Promise<void> => {
    const { code, stderr } = await start(stateDir, port, undefined, {
      SANDBANK_WARM_SANDBOXES: '3',
      ...more,
    }).ended;
    expect(stderr).toMatch(line);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(1);
    await (await lockStateDir(stateDir))();
    expect(processesOf(stateDir)).toEqual([]);
  };

  it('ends when the port is taken, and the next start in its folder succeeds', async () => {
    const stateDir = await newFolder();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await expectFailure(stateDir, port, /^sandbank: Port \d+ of 127.0.0.1 is taken/);
    other.close();
    const running = await launch(stateDir, port);
    await running.kill('SIGTERM');
  }, 60_000);

  it.each([
    ['where no directory can be made', () => '/proc/sandbank'],
    ['that is a file', async () => `${await newFolder()}/file`],
  ])('ends for a state directory %s', async (_, name) => {
    const stateDir = await name();
    if (stateDir.endsWith('file')) writeFileSync(stateDir, '');
    const { code, stderr } = await start(stateDir, await freePort()).ended;
    expect(stderr).toMatch(/^sandbank: SANDBANK_STATE_DIR: .* cannot be made a directory/);
    expect(code).toBe(1);
  });

  it('ends when the port for sandboxes is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    await expectFailure(await newFolder(), await freePort(), /^sandbank: Port \d+ .* is taken/, {
      SANDBANK_PORTS_PORT: String((other.address() as AddressInfo).port),
    });
    other.close();
  }, 60_000);

  it('ends when the host is not one of this machine', async () => {
    await expectFailure(
      await newFolder(),
      await freePort(),
      /^sandbank: The server cannot listen on port \d+ of 203\.0\.113\.1/,
      { SANDBANK_HOST: '203.0.113.1' },
    );
  }, 60_000);

  it('ends when the database was written by a newer version', async () => {
    const stateDir = await newFolder();
    const running = await launch(stateDir, await freePort());
    await running.kill('SIGTERM');
    const db = new DatabaseSync(join(stateDir, 'sandbank.sqlite'));
    db.exec("insert into kysely_migration values ('9999-future', '2099-01-01T00:00:00.000Z')");
    db.close();
    await expectFailure(stateDir, await freePort(), /A newer version of Sandbank wrote it/);
  }, 60_000);

  it('ends when the database cannot be reached, without its password', async () => {
    const port = await freePort();
    await expectFailure(
      await newFolder(),
      await freePort(),
      /^sandbank: The database cannot be used\.(?!.*hunter2).*ECONNREFUSED/,
      { SANDBANK_DATABASE_URL: `postgres://user:hunter2@127.0.0.1:${port}/none` },
    );
  }, 60_000);

  it('ends when the folder is another server’s, which goes on', async () => {
    const stateDir = await newFolder();
    const port = await freePort();
    const running = await launch(stateDir, port);
    const { code, stderr } = await start(stateDir, await freePort()).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^sandbank: Another Sandbank server .*\n$/);
    await expect(lockStateDir(stateDir)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await ask(launchedServer(port), '{ __typename }')).toEqual({ __typename: 'Query' });
    await running.kill('SIGTERM');
  }, 60_000);
});

describe('an error that nobody caught', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'sandbank-uncaught-'));
  afterAll(() => rm(stateDir, { recursive: true, force: true }));
  const preload = join(stateDir, 'preload.mjs');
  await mkdir(join(stateDir, 'state'));
  await writeFile(
    preload,
    `process.on('SIGUSR2', () => {
      const error = Object.assign(new Error('provoked'), { code: 'EPROVOKED', password: 'hunter2' });
      if (process.env.PROVOKE === 'rejection') void Promise.reject(error);
      else throw error;
    });`,
  );

  for (const [kind, event] of [
    ['exception', 'uncaughtException'],
    ['rejection', 'unhandledRejection'],
  ] as const) {
    it(`is one line of JSON and an orderly end with exit code 1 (${event})`, async () => {
      const port = await freePort();
      const running = await launch(join(stateDir, 'state'), port, undefined, {
        NODE_OPTIONS: `--import=${preload}`,
        PROVOKE: kind,
      });
      const sandboxId = await newSandbox(launchedServer(port));
      process.kill(running.pid, 'SIGUSR2');
      const { code, stderr } = await running.ended;
      expect(code).toBe(1);
      const [line = '', ...rest] = stderr.trim().split('\n');
      expect(rest).toEqual([]);
      expect(JSON.parse(line)).toMatchObject({
        level: 60,
        err: { message: 'provoked', code: 'EPROVOKED', stack: expect.stringContaining('preload') },
        msg: expect.stringContaining(event),
      });
      expect(line).not.toContain('hunter2');
      await (await lockStateDir(join(stateDir, 'state')))();
      // Sandboxes outlive the server that failed.
      const next = await launch(join(stateDir, 'state'), port);
      const destroyed = await mutate(launchedServer(port), 'destroySandbox', 'sandbox { state }', {
        sandboxId,
      });
      expect(destroyed).toMatchObject({ sandbox: { state: 'TERMINATED' } });
      await next.kill('SIGTERM');
    }, 60_000);
  }
});
