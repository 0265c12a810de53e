import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createSealer } from '../../src/lib/sealed.ts';
import { createPostgresStore } from '../../src/store/postgres.ts';
import { child, sandbox } from '../conformance/rows.ts';
import { type PostgresService, startPostgres } from '../services/postgres.ts';
import { processesIn, signalProcess } from '../services/processes.ts';

const sealer = createSealer('a secret of these tests');
const unavailable = { code: 'UNAVAILABLE', retryable: true };

describe('a PostgreSQL that cannot do what it is asked for', () => {
  let postgres: PostgresService;
  beforeAll(async () => {
    postgres = await startPostgres({ settings: { max_connections: '20' } });
  });
  afterAll(() => postgres.stop());

  const open = async (options: { poolSize?: number; timeoutMs?: number } = {}) => {
    const lines: Record<string, unknown>[] = [];
    const log = pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line)) });
    const store = await createPostgresStore({ url: postgres.url, sealer, log, ...options });
    onTestFinished(() => store.dispose());
    return { store, lines };
  };
  const connect = async (): Promise<Client> => {
    const client = new Client({ connectionString: postgres.url });
    client.on('error', () => undefined);
    await client.connect();
    onTestFinished(() => client.end());
    return client;
  };

  it('keeps a locked table from holding up others: who waits for it hears UNAVAILABLE, all else is answered', async () => {
    const { store, lines } = await open({ poolSize: 3, timeoutMs: 5_000 });
    const row = sandbox();
    await store.sandboxes.insert(row);
    const locker = await connect();
    await locker.query('begin; lock table processes in access exclusive mode');
    const held = Promise.allSettled(
      Array.from({ length: 6 }, () => store.processes.insert(child(row.id))),
    );
    for (let look = 0; look < 20; look += 1)
      expect(await store.sandboxes.find('acme', row.id)).toEqual(row);
    for (const result of await held) expect(result).toMatchObject({ reason: unavailable });
    expect(lines.filter(({ trouble }) => trouble === 'busy')).toHaveLength(1);
    // Never what a statement carried.
    expect(JSON.stringify(lines)).not.toContain(row.id);
    await locker.query('commit');
    expect(await store.processes.insert(child(row.id))).toBeNull();
  });

  it('ends a statement that takes too long', async () => {
    const { store } = await open({ timeoutMs: 500 });
    const locker = await connect();
    await locker.query('begin; lock table quotas in access exclusive mode');
    await expect(store.quotas.of('acme', null)).rejects.toMatchObject(unavailable);
    await locker.query('commit');
    expect(await store.quotas.of('acme', null)).toEqual([]);
  });

  it('is UNAVAILABLE while it has no connection to give, and readiness says so', async () => {
    const { store } = await open();
    const taken: Client[] = [];
    for (let more = true; more; ) {
      const client = new Client({ connectionString: postgres.url });
      client.on('error', () => undefined);
      more = await client.connect().then(
        () => taken.push(client) > 0,
        () => false,
      );
    }
    const looks = Array.from({ length: 5 }, () => store.sandboxes.find('acme', 'sbx_1'));
    for (const result of await Promise.allSettled(looks))
      if (result.status === 'rejected') expect(result.reason).toMatchObject(unavailable);
    await expect(store.ping()).rejects.toMatchObject(unavailable);
    await Promise.all(taken.map((client) => client.end()));
    await expect.poll(() => store.ping().then(() => 'ready', String)).toBe('ready');
  });

  it('is UNAVAILABLE while it is frozen or gone, in queries and in readiness, and works again by itself', async () => {
    const { store, lines } = await open({ timeoutMs: 1_000 });
    const row = sandbox();
    await store.sandboxes.insert(row);
    const look = () => store.sandboxes.find('acme', row.id);
    const frozen = processesIn(postgres.dataDir);
    for (const pid of frozen) signalProcess(pid, 'SIGSTOP');
    try {
      const looks = await Promise.allSettled(Array.from({ length: 30 }, look));
      for (const result of looks) expect(result).toMatchObject({ reason: unavailable });
      await expect(store.ping()).rejects.toMatchObject(unavailable);
    } finally {
      for (const pid of frozen) signalProcess(pid, 'SIGCONT');
    }
    await expect.poll(() => look().catch(() => null), { timeout: 20_000 }).toEqual(row);
    await postgres.kill();
    for (const result of await Promise.allSettled(Array.from({ length: 30 }, look)))
      expect(result).toMatchObject({ reason: unavailable });
    await expect(store.ping()).rejects.toMatchObject(unavailable);
    expect(lines.filter(({ trouble }) => trouble === 'unreachable').length).toBeLessThan(5);
    await postgres.restart();
    await expect.poll(() => look().catch(() => null), { timeout: 20_000 }).toEqual(row);
    await store.ping();
  });

  it('answers a deadlock as UNAVAILABLE, and a fault of ours as what it is', async () => {
    const { store } = await open();
    const client = await connect();
    await client.query(
      "create function refuse() returns trigger as $$ begin raise exception 'no' using errcode = tg_argv[0]; end $$ language plpgsql",
    );
    const refuse = async (code: string): Promise<unknown> => {
      await client.query(
        `create trigger refuse before insert on quotas execute function refuse('${code}')`,
      );
      const error = await store.quotas
        .put({
          ...{ tenant: 'acme', subject: '', metric: 'executions', window: 'day', level: 'tenant' },
          ...{ limit: 1, setBy: 'ann', setAt: 1 },
        })
        .catch((failure: unknown) => failure);
      await client.query('drop trigger refuse on quotas');
      return error;
    };
    for (const code of ['40001', '40P01', '55P03', '57014', '57P01', '53300', '25006', '08006'])
      expect(await refuse(code)).toMatchObject(unavailable);
    expect(await refuse('53100')).toMatchObject({ code: 'NO_SPACE', retryable: true });
    for (const code of ['42P01', '23505', '22P02'])
      expect(await refuse(code)).toMatchObject({ code });
  });
});
