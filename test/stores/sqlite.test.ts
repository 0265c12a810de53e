import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSealer } from '../../src/lib/sealed.ts';
import { createSqliteStore } from '../../src/store/sqlite.ts';
import { testStore } from '../conformance/store.ts';

testStore({
  name: 'sqlite',
  async open() {
    const store = await createSqliteStore({
      file: join(await mkdtemp(join(tmpdir(), 'sandbank-store-')), 'db'),
      sealer: createSealer('a secret of these tests'),
    });
    return { store, close: () => store.dispose() };
  },
});
