import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, drain, mutate, newSandbox, OUTPUT, overWebSocket, post } from '../helpers/client.ts';
import { freePort, type Launched, launch, launchedServer } from '../helpers/launch.ts';
import { type PostgresService, startPostgres } from '../services/postgres.ts';

describe('a server whose PostgreSQL is restarted', () => {
  let stateDir = '';
  let port = 0;
  let running: Launched | null = null;
  let cluster: PostgresService | null = null;
  const crashAndRestart = async (): Promise<void> => {
    await cluster?.kill();
    await cluster?.restart();
  };
  let server = launchedServer(0);
  beforeAll(async () => {
    cluster = await startPostgres();
    stateDir = await mkdtemp(join(tmpdir(), 'sandbank-pg-'));
    port = await freePort();
    server = launchedServer(port);
    running = await launch(stateDir, port, undefined, { SANDBANK_DATABASE_URL: cluster.url });
  });
  afterAll(async () => {
    await running?.kill('SIGTERM');
    await cluster?.stop();
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
      await crashAndRestart();
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
    await crashAndRestart();
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
