import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSealer } from '../../src/lib/sealed.ts';
import { createSqliteStore } from '../../src/store/sqlite.ts';
import { testStore } from '../conformance/store.ts';

testStore({
  name: 'sqlite',
  async open() {
    const place = join(await mkdtemp(join(tmpdir(), 'sandbank-store-')), 'db');
    const again = () =>
      createSqliteStore({ file: place, sealer: createSealer('a secret of these tests') });
    const store = await again();
    return { store, again, place, close: () => store.dispose() };
  },
});
