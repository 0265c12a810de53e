import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { drain, mutate, newSandbox, OUTPUT, overWebSocket } from '../helpers/client.ts';
import { type Fleet, LEASE_MS, openFleet, type Row, rowsOf, until } from '../helpers/fleet.ts';
import { openRelay } from '../helpers/relay.ts';
import { type PostgresService, startPostgres } from '../services/postgres.ts';
import { processesIn, signalProcess } from '../services/processes.ts';
import { loadOn } from './outage-load.ts';

const LIMIT_MS = 300_000;
const LINES = 600;

type Start = (options?: Parameters<typeof startPostgres>[0]) => Promise<PostgresService>;

const fleetOn = (database: string): Fleet & AsyncDisposable => {
  const fleet = openFleet({ database });
  return { ...fleet, [Symbol.asyncDispose]: () => fleet.end() };
};

// Side by side, each with a PostgreSQL of its own: most of their time they wait for an outage to last.
describe.concurrent('a server whose PostgreSQL fails under load', () => {
  const test = (
    name: string,
    work: (start: Start, cleanUp: AsyncDisposableStack) => Promise<void>,
  ) =>
    it(
      name,
      async () => {
        await using cleanUp = new AsyncDisposableStack();
        const start: Start = async (options = {}) => {
          const postgres = await startPostgres(options);
          cleanUp.defer(() => postgres.stop());
          return postgres;
        };
        await work(start, cleanUp);
      },
      LIMIT_MS,
    );

  /** A process that prints through the whole outage, requests through all of it, and everything as it should be afterwards. */
  const survive = async (database: string, outage: () => Promise<void>): Promise<void> => {
    await using fleet = fleetOn(database);
    const server = await fleet.member();
    const pid = server.pid();
    const sandboxId = await newSandbox(server);
    const command = `i=0; while [ $i -lt ${LINES} ]; do i=$((i+1)); echo line $i; sleep 0.05; done`;
    const { process } = await mutate(server, 'startProcess', 'process { id }', {
      sandboxId,
      command,
    });
    const load = loadOn(server, sandboxId);
    await until(() => load.counts().answered > 20);
    await outage();
    const { answered } = load.counts();
    await until(() => load.counts().answered > answered + 20);
    await load.end();
    // The outage was one.
    expect(load.counts().refused).toBeGreaterThan(0);
    const { text, exit } = await drain(overWebSocket(server, OUTPUT, { id: process.id }));
    const lines = Array.from({ length: LINES }, (_, index) => `line ${index + 1}\n`);
    expect(text).toBe(lines.join(''));
    expect(exit).toMatchObject({ kind: 'EXITED', exitCode: 0 });
    await load.count();
    expect(await mutate(server, 'exec', 'stdout', { sandboxId, command: 'echo on' })).toMatchObject(
      {
        stdout: 'on\n',
      },
    );
    expect(server.pid()).toBe(pid);
    await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId });
    await server.kill('SIGTERM');
  };

  test('is back by itself after a crash and a restart, and lost nothing', async (start) => {
    const postgres = await start();
    await survive(postgres.url, async () => {
      await postgres.kill();
      await sleep(LEASE_MS);
      await postgres.restart();
    });
  });

  test('is back by itself after a failover to a replica behind the same address', async (start, cleanUp) => {
    const primary = await start();
    const replica = await start({ replicaOf: primary });
    const relay = await openRelay(Number(new URL(primary.url).port));
    cleanUp.defer(relay.close);
    const url = new URL(primary.url);
    url.port = `${relay.port}`;
    await survive(url.href, async () => {
      await primary.kill();
      await sleep(1_000);
      await replica.promote();
      relay.switchTo(Number(new URL(replica.url).port));
    });
  });

  test('is back by itself after its tables were locked', async (start) => {
    const postgres = await start();
    await survive(postgres.url, async () => {
      const client = new Client({ connectionString: postgres.url });
      await client.connect();
      await client.query(
        'begin; lock table sandboxes, servers, processes in access exclusive mode',
      );
      await sleep(2 * LEASE_MS);
      await client.query('rollback');
      await client.end();
    });
  });

  test('ends a sandbox whose row was written by a commit without an answer, and keeps no quota for it', async (start, cleanUp) => {
    const postgres = await start();
    const relay = await openRelay(Number(new URL(postgres.url).port));
    cleanUp.defer(relay.close);
    const url = new URL(postgres.url);
    url.port = `${relay.port}`;
    await using fleet = fleetOn(url.href);
    const server = await fleet.member({ env: { SANDBANK_MAX_SANDBOXES: '1' } });
    const lost = relay.loseCommit('insert into "sandboxes"');
    const answer = await mutate(server, 'createSandbox', 'sandbox { id }', {});
    await lost;
    expect(answer).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    const rows = () => rowsOf<Row>(postgres.url, 'select * from sandboxes');
    await until(async () => (await rows())[0]?.state === 'FAILED');
    expect(await rows()).toMatchObject([{ terminationReason: 'CREATE_FAILED' }]);
    // The only place is free again, and once more when the answer to an admission from the queue was lost.
    const first = await newSandbox(server);
    const queued = await newSandbox(server, { wait: true });
    const lostAdmission = relay.loseCommit(', "host" = $');
    await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId: first });
    await lostAdmission;
    const ofQueued = async () => (await rows()).find(({ id }) => id === queued);
    await until(async () => (await ofQueued())?.state === 'FAILED');
    expect(await ofQueued()).toMatchObject({ terminationReason: 'CREATE_FAILED' });
    const last = await newSandbox(server);
    await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId: last });
    await server.kill('SIGTERM');
  });

  test('starts nothing twice while its rows of processes cannot be changed', async (start) => {
    const postgres = await start();
    await survive(postgres.url, async () => {
      const client = new Client({ connectionString: postgres.url });
      await client.connect();
      // As a lock that is not to be had: rows can be made, and not changed.
      await client.query(`create function refuse() returns trigger language plpgsql
        as $$ begin raise exception 'locked' using errcode = '55P03'; end $$`);
      for (const changes of ['update on processes', 'update of labels on sandboxes'])
        await client.query(
          `create trigger refuse before ${changes} for each row execute function refuse()`,
        );
      await sleep(LEASE_MS);
      await client.query('drop function refuse cascade');
      await client.end();
    });
  });

  test('stops although its database is frozen, and at once at a second signal', async (start) => {
    const postgres = await start();
    await using fleet = fleetOn(postgres.url);
    const [one, two] = [await fleet.member(), await fleet.member()];
    const frozen = processesIn(postgres.dataDir);
    for (const pid of frozen) signalProcess(pid, 'SIGSTOP');
    try {
      one.signal('SIGTERM');
      two.signal('SIGTERM');
      await until(() => two.log().includes('"'));
      await sleep(200);
      await two.kill('SIGTERM');
      expect(two.log()).toContain('ended at once by a second signal (SIGTERM)');
      await one.ended();
    } finally {
      for (const pid of frozen) signalProcess(pid, 'SIGCONT');
    }
  });
});
