import { createSealer } from '../../src/lib/sealed.ts';
import { createPostgresStore } from '../../src/store/postgres.ts';
import { createSqliteStore } from '../../src/store/sqlite.ts';
import { sandbox } from '../conformance/rows.ts';

/** Creates and ends sandboxes until it is killed: `write-events.ts <url or file> <tenant>`. */
const [place = '', tenant = ''] = process.argv.slice(2);
const sealer = createSealer('a secret of these tests');
const store = await (place.includes('://')
  ? createPostgresStore({ url: place, sealer })
  : createSqliteStore({ file: place, sealer }));

const write = async (): Promise<never> => {
  for (;;) {
    const row = sandbox({ tenant, labels: { a: '1' }, bookedAt: 1 });
    await store.sandboxes.insert(row, { event: { kind: 'sandbox-created', at: 1 } });
    process.stdout.write('.');
    const entry = { tenant, subject: 'ann', sandboxId: row.id, amount: 1, at: 2 } as const;
    await store.sandboxes.update(
      tenant,
      row.id,
      { state: 'TERMINATED', endedAt: 2 },
      {
        from: ['READY'],
        event: { kind: 'sandbox-destroyed', at: 2 },
        slice: {
          ...{ from: 1, to: 2, cpuSeconds: 0 },
          entries: [{ ...entry, id: `${row.id}:1`, metric: 'sandboxSeconds' }],
        },
      },
    );
  }
};
await Promise.all([write(), write(), write()]);
