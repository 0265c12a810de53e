import { createSealer } from '../../src/lib/sealed.ts';
import { createPostgresStore } from '../../src/store/postgres.ts';
import { testStore } from '../conformance/store.ts';
import { createDatabase } from '../helpers/postgres.ts';

testStore({
  name: 'postgres',
  async open() {
    const { url, drop } = await createDatabase();
    const store = await createPostgresStore({
      url,
      sealer: createSealer('a secret of these tests'),
    });
    return {
      store,
      async close() {
        await store.dispose();
        await drop();
      },
    };
  },
});
