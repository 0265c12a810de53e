import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../helpers/postgres.ts';
import { type PostgresService, startPostgres } from './postgres.ts';
import { poll, processesIn } from './processes.ts';

const query = async (url: string, sql: string): Promise<object[]> => {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query(sql).finally(() => client.end());
  return rows;
};

describe('a PostgreSQL of the tests', () => {
  let primary: PostgresService;
  let replica: PostgresService;
  beforeAll(async () => {
    primary = await startPostgres();
    await query(primary.url, 'create table numbers (n int)');
    await query(primary.url, 'insert into numbers values (1)');
    replica = await startPostgres({ replicaOf: primary });
  }, 120_000);
  afterAll(async () => {
    await replica?.stop();
    await primary?.stop();
  });

  it('lets nobody in without its password', async () => {
    const url = new URL(primary.url);
    url.password = 'wrong';
    await expect(query(url.href, 'select 1')).rejects.toThrow('password authentication failed');
  });

  it('keeps what was committed when it is killed and restarted on the same port', async () => {
    await query(primary.url, 'insert into numbers values (2)');
    await primary.kill();
    expect(processesIn(primary.dataDir)).toEqual([]);
    await expect(query(primary.url, 'select 1')).rejects.toThrow('ECONNREFUSED');
    await primary.restart();
    expect(await query(primary.url, 'select n from numbers order by n')).toEqual([
      { n: 1 },
      { n: 2 },
    ]);
  }, 60_000);

  it('is followed by a replica, which takes writes once it is promoted', async () => {
    await query(primary.url, 'insert into numbers values (3)');
    await poll('The replica did not follow', 30_000, async () => {
      const rows = await query(replica.url, 'select n from numbers');
      return rows.length === 3 || undefined;
    });
    const insert = 'insert into numbers values (4)';
    await expect(query(replica.url, insert)).rejects.toThrow('read-only transaction');
    await primary.kill();
    await replica.promote();
    await query(replica.url, insert);
    expect((await query(replica.url, 'select n from numbers')).length).toBe(4);
  }, 90_000);

  it('gives each test a database of its own, which goes even when a connection is left', async () => {
    const [one, two] = [await createDatabase(replica.url), await createDatabase(replica.url)];
    await query(one.url, 'create table only_here (n int)');
    await expect(query(two.url, 'select * from only_here')).rejects.toThrow('does not exist');
    const left = new Client({ connectionString: one.url });
    left.on('error', () => undefined);
    await left.connect();
    await Promise.all([one.drop(), two.drop()]);
    await expect(query(one.url, 'select 1')).rejects.toThrow('does not exist');
    await left.end().catch(() => undefined);
  });

  it('leaves neither a process nor a file when it stops', async () => {
    await replica.stop();
    expect(processesIn(replica.dataDir)).toEqual([]);
    expect(existsSync(dirname(replica.dataDir))).toBe(false);
  });
});
