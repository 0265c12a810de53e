import { Client } from 'pg';
import { newId } from '../../src/lib/ids.ts';
import { createSealer } from '../../src/lib/sealed.ts';
import { createPostgresStore } from '../../src/store/postgres.ts';
import { testStore } from '../conformance/store.ts';

const url = process.env.SANDBANK_TEST_POSTGRES_URL;

testStore({
  name: 'postgres',
  skip: url ? false : 'SANDBANK_TEST_POSTGRES_URL is not set',
  async open() {
    const name = newId('req');
    const admin = new Client({ connectionString: url });
    await admin.connect();
    await admin.query(`create database ${name}`);
    const own = new URL(url ?? '');
    own.pathname = `/${name}`;
    const store = await createPostgresStore({
      url: own.href,
      sealer: createSealer('a secret of these tests'),
    });
    return {
      store,
      async close() {
        await store.dispose();
        await admin.query(`drop database ${name}`);
        await admin.end();
      },
    };
  },
});
