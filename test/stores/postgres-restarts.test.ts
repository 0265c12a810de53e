import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, drain, mutate, newSandbox, OUTPUT, overWebSocket, post } from '../helpers/client.ts';
import { freePort, type Launched, launch, launchedServer } from '../helpers/launch.ts';

/** Where Debian's packages put the programs of PostgreSQL. */
const programs = (): string | null => {
  try {
    const [version] = readdirSync('/usr/lib/postgresql').sort().reverse();
    return version === undefined ? null : join('/usr/lib/postgresql', version, 'bin');
  } catch {
    return null;
  }
};
const bin = programs();
const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

/** A cluster for these tests alone; PostgreSQL refuses to run as root. */
const openCluster = async () => {
  const dir = await mkdtemp(join(tmpdir(), 'sandbank-postgres-'));
  if (isRoot) await chown(dir, NOBODY, NOBODY);
  await chmod(dir, 0o700);
  const port = await freePort();
  const run = (program: string, ...args: string[]): void => {
    execFileSync(join(bin ?? '', program), args, {
      cwd: '/',
      stdio: 'ignore',
      ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
    });
  };
  const data = join(dir, 'data');
  run('initdb', '-D', data, '-U', 'tester', '-A', 'trust', '--no-sync');
  const options = `-p ${port} -k ${dir} -c listen_addresses=127.0.0.1 -c fsync=off`;
  const start = (): void => run('pg_ctl', '-D', data, '-w', '-o', options, 'start');
  const stop = (): void => run('pg_ctl', '-D', data, '-w', '-m', 'immediate', 'stop');
  start();
  return {
    url: `postgres://tester@127.0.0.1:${port}/postgres`,
    restart() {
      stop();
      start();
    },
    async close() {
      stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

describe.skipIf(bin === null)('a server whose PostgreSQL is restarted', () => {
  let stateDir = '';
  let port = 0;
  let running: Launched | null = null;
  let cluster: Awaited<ReturnType<typeof openCluster>> | null = null;
  let server = launchedServer(0);
  beforeAll(async () => {
    cluster = await openCluster();
    stateDir = await mkdtemp(join(tmpdir(), 'sandbank-pg-'));
    port = await freePort();
    server = launchedServer(port);
    running = await launch(stateDir, port, undefined, { SANDBANK_DATABASE_URL: cluster.url });
  });
  afterAll(async () => {
    await running?.kill('SIGTERM');
    await cluster?.close();
    await rm(stateDir, { recursive: true, force: true });
  });

  it('lives on, logs it, loses no output, and works again by itself', async () => {
    const sandboxId = await newSandbox(server);
    const command = 'for i in $(seq 60); do echo $i; sleep 0.1; done';
    const { process } = await mutate(server, 'startProcess', 'process { id }', {
      sandboxId,
      command,
    });
    let ended: unknown = null;
    void running?.ended.then((how) => {
      ended = how;
    });
    for (let round = 0; round < 2; round += 1) {
      // A query of each connection is held up by this lock: they are checked out when the database goes.
      const locker = new Client({ connectionString: cluster?.url });
      locker.on('error', () => undefined);
      await locker.connect();
      await locker.query('begin; lock table sandboxes in access exclusive mode');
      const read = () =>
        post(server, 'query ($id: ID!) { sandbox(id: $id) { state } }', { id: sandboxId });
      const held = Promise.all(Array.from({ length: 5 }, read));
      const waiting = new Client({ connectionString: cluster?.url });
      waiting.on('error', () => undefined);
      await waiting.connect();
      for (;;) {
        const { rows } = await waiting.query('select 1 from pg_locks where not granted');
        if (rows.length >= 3) break;
        await sleep(20);
      }
      cluster?.restart();
      for (const { errors } of await held) expect(errors).toBeDefined();
      expect(ended).toBe(null);
      for (let answer = await read(); answer.errors; answer = await read()) await sleep(100);
    }
    const { sandbox } = await ask(server, 'query ($id: ID!) { sandbox(id: $id) { state } }', {
      id: sandboxId,
    });
    expect(sandbox.state).toBe('READY');
    const { text, exit } = await drain(overWebSocket(server, OUTPUT, { id: process.id }));
    expect(text).toBe(Array.from({ length: 60 }, (_, index) => `${index + 1}\n`).join(''));
    expect(exit).toMatchObject({ kind: 'EXITED', exitCode: 0 });
    await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId });
    await running?.kill('SIGTERM');
    expect(await running?.ended).toMatchObject({ code: 0 });
  }, 120_000);

  it('says in one line of JSON that a connection broke, without what it carried', async () => {
    running = await launch(stateDir, port, undefined, {
      SANDBANK_DATABASE_URL: cluster?.url ?? '',
      SANDBANK_LOG_LEVEL: 'warn',
    });
    cluster?.restart();
    await running.kill('SIGTERM');
    const { stderr } = await running.ended;
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const broke = lines.filter(({ msg }) => msg.startsWith('a connection to PostgreSQL broke'));
    expect(broke.length).toBeGreaterThan(0);
    for (const { err } of broke)
      expect(Object.keys(err).filter((key) => !['message', 'code', 'stack'].includes(key))).toEqual(
        [],
      );
  }, 60_000);
});
