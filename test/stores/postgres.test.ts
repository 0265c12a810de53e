import { createSealer } from '../../src/lib/sealed.ts';
import { createPostgresStore } from '../../src/store/postgres.ts';
import { testStore } from '../conformance/store.ts';
import { createDatabase } from '../helpers/postgres.ts';

testStore({
  name: 'postgres',
  async open() {
    const { url, drop } = await createDatabase();
    const sealer = createSealer('a secret of these tests');
    const again = () => createPostgresStore({ url, sealer });
    const store = await again();
    return {
      store,
      again,
      place: url,
      async close() {
        await store.dispose();
        await drop();
      },
    };
  },
});
