import { expect, it } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import type { Store } from '../../src/store/store.ts';
import { child, sandbox } from './rows.ts';

const HOUR = 3_600_000;
const BEFORE = 100 * HOUR;

/** What is removed in time, in batches, and what stays. Instants lie long before those of other tests. */
export const testRetention = (open: () => { store: Store; other: Store }): void => {
  const purgeAll = async (purge: (before: number, limit: number) => Promise<number>) => {
    const batches: number[] = [];
    for (;;) {
      const removed = await purge(BEFORE, 4);
      if (removed === 0) return batches;
      batches.push(removed);
    }
  };

  it('removes ended sandboxes with their labels, shares and processes, and nothing else', async () => {
    const { store } = open();
    const tenant = newId('req');
    const { sandboxes, processes, shares } = store;
    const ended = { tenant, state: 'TERMINATED', endedAt: BEFORE - 1, labels: { a: '1' } } as const;
    const old = [sandbox(ended), sandbox(ended), sandbox(ended)];
    const kept = [sandbox({ ...ended, endedAt: BEFORE }), sandbox({ tenant, labels: { a: '1' } })];
    for (const row of [...old, ...kept]) {
      await sandboxes.insert(row);
      for (let index = 0; index < 3; index += 1)
        await processes.insert(child(row.id, { tenant, state: 'LOST', endedAt: row.endedAt }));
      const share = { tenant, sandboxId: row.id, subject: 'bob', createdBy: 'ann', createdAt: 1 };
      await shares.put({ ...share, access: 'read' });
    }
    expect(Math.max(...(await purgeAll(sandboxes.purge)))).toBeLessThanOrEqual(8);
    expect(
      await sandboxes.findMany(
        tenant,
        [...old, ...kept].map(({ id }) => id),
      ),
    ).toEqual([...[null, null, null], ...kept]);
    for (const row of old) {
      expect(await processes.count(tenant, row.id, {})).toBe(0);
      expect(await shares.of(tenant, row.id)).toEqual([]);
    }
    for (const row of kept) expect(await processes.count(tenant, row.id, {})).toBe(3);
    expect(await sandboxes.count(tenant, { labels: { a: '1' } })).toBe(2);
  });

  it('removes ended processes of sandboxes that live on', async () => {
    const { store } = open();
    const tenant = newId('req');
    const row = sandbox({ tenant });
    await store.sandboxes.insert(row);
    for (const endedAt of [BEFORE - 2, BEFORE - 1, BEFORE, null])
      await store.processes.insert(child(row.id, { tenant, endedAt }));
    await purgeAll(store.processes.purge);
    expect(await store.processes.count(tenant, row.id, {})).toBe(2);
  });

  it('removes entries of the ledger and keeps the sums of their hours, whatever is asked meanwhile', async () => {
    const { store, other } = open();
    const tenant = newId('req');
    const entry = (at: number, subject = 'ann') => ({
      ...{ id: newId('req'), tenant, subject, sandboxId: 'sbx_1', amount: 1, at },
      metric: 'cpuSeconds' as const,
    });
    const from = BEFORE - 10 * HOUR;
    await store.usage.add(Array.from({ length: 20 }, (_, index) => entry(from + index * HOUR)));
    await store.usage.add([entry(from, 'bob'), entry(BEFORE + 1)]);
    const range = { from, to: BEFORE + 20 * HOUR };
    const look = async () => ({
      all: await other.usage.sums(tenant, range, 'metric'),
      bob: await other.usage.sums(tenant, { ...range, subject: 'bob' }, 'metric'),
      hours: await other.usage.sums(tenant, range, 'hour'),
      total: await other.usage.used({ metric: 'cpuSeconds', tenant, subject: null, since: 0 }),
    });
    const before = await look();
    expect(before.all).toMatchObject([{ amount: 22 }]);
    const looks: Promise<Awaited<ReturnType<typeof look>>>[] = [];
    const batches = await purgeAll((...batch) => {
      looks.push(look());
      // Within the hour that `BEFORE` begins: hours go as a whole.
      return store.usage.purge(batch[0] + 10, batch[1]);
    });
    expect(batches.length).toBeGreaterThan(2);
    expect(await Promise.all(looks)).toEqual(looks.map(() => before));
    expect(await look()).toEqual(before);
    const ofSandbox = { ...range, sandboxId: 'sbx_1' };
    expect(await store.usage.sums(tenant, ofSandbox, 'metric')).toMatchObject([{ amount: 11 }]);
    expect(
      await store.usage.sums(tenant, { from: BEFORE, to: BEFORE + 1 }, 'metric'),
    ).toMatchObject([{ amount: 1 }]);
  });

  it('removes old keys of idempotency', async () => {
    const { store } = open();
    const { idempotency } = store;
    const tenant = newId('req');
    const record = { tenant, operation: 'op', fingerprint: 'f' };
    for (const createdAt of [BEFORE - 2, BEFORE - 1, BEFORE])
      await idempotency.begin({ ...record, key: `${createdAt}`, createdAt }, 0);
    await purgeAll(idempotency.purge);
    const again = async (key: number) =>
      idempotency.begin({ ...record, key: `${key}`, createdAt: BEFORE + 9 }, 0);
    expect(await again(BEFORE - 1)).toBeNull();
    expect(await again(BEFORE)).toMatchObject({ createdAt: BEFORE });
  });
};
