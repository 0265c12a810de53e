import { Client } from 'pg';
import { newId } from '../../src/lib/ids.ts';
import { serviceUrl } from './services.ts';

export type Database = { url: string; drop(): Promise<void> };

const asSuperuser = async (url: string, sql: string): Promise<void> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(sql).finally(() => client.end());
};

/** An empty database of a test's own, so that tests which run at the same time do not see one another's rows. */
export const createDatabase = async (
  server = serviceUrl('SANDBANK_TEST_POSTGRES_URL'),
): Promise<Database> => {
  const name = newId('req');
  await asSuperuser(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    // A connection that a failed test left open must not keep it.
    drop: () => asSuperuser(server, `drop database if exists ${name} with (force)`),
  };
};
