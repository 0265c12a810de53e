import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import type { Store } from '../../src/store/store.ts';
import { testChanges } from './changes.ts';
import { testEventLog } from './event-log.ts';
import { testOwnershipStore } from './ownership-store.ts';
import { testRetention } from './retention.ts';
import { child, sandbox } from './rows.ts';
import { testAccessStore } from './tenancy-store.ts';

export type StoreSubject = {
  name: string;
  open(): Promise<{
    store: Store;
    /** Another on the same database, as another server has it. */
    again(): Promise<Store>;
    /** Where the database is, for a program that opens it: a URL or a file. */
    place: string;
    close(): Promise<void>;
  }>;
};

/** What every store owes. */
export const testStore = ({ name, open }: StoreSubject): void => {
  describe(`store ${name}`, () => {
    let store: Store;
    let other: Store;
    let place = '';
    let close: () => Promise<void>;
    beforeAll(async () => {
      const opened = await open();
      ({ store, place, close } = opened);
      other = await opened.again();
    });
    afterAll(async () => {
      await other?.dispose();
      await close?.();
    });

    it('gives back exactly what it was given, and only to its tenant', async () => {
      const row = sandbox({ labels: { team: 'core', 'ä/b': 'x' } });
      await store.sandboxes.insert(row);
      expect(await store.sandboxes.find('acme', row.id)).toEqual(row);
      expect(await store.sandboxes.find('evil', row.id)).toBeNull();
      expect(await store.sandboxes.findMany('acme', ['none', row.id])).toEqual([null, row]);
      expect(await store.sandboxes.update('evil', row.id, { state: 'FAILED' })).toBeNull();
      const process = child(row.id);
      await store.processes.insert(process);
      expect(await store.processes.find('acme', process.id)).toEqual(process);
      expect(await store.processes.find('evil', process.id)).toBeNull();
    });

    it('pages both ways without skipping or repeating, whatever keys are equal', async () => {
      const tenant = newId('req');
      for (let index = 0; index < 25; index += 1)
        await store.sandboxes.insert(sandbox({ tenant, createdAt: 1_000 + Math.floor(index / 7) }));
      for (const descending of [true, false]) {
        const seen: string[] = [];
        let after: { key: number; id: string } | undefined;
        for (;;) {
          const rows = await store.sandboxes.page(tenant, {}, 'createdAt', {
            limit: 4,
            descending,
            ...(after ? { after } : {}),
          });
          seen.push(...rows.map(({ id }) => id));
          const last = rows.at(-1);
          if (!last) break;
          after = { key: last.createdAt, id: last.id };
        }
        expect(new Set(seen).size).toBe(25);
        expect(seen.length).toBe(25);
      }
      expect(await store.sandboxes.count(tenant, {})).toBe(25);
    });

    it('filters by state, provider, labels and text, with % and _ as themselves', async () => {
      const tenant = newId('req');
      const one = sandbox({ tenant, labels: { team: '50%_off', env: 'prod' } });
      const two = sandbox({
        tenant,
        labels: { team: '500 off' },
        state: 'FAILED',
        provider: 'e2b',
      });
      await store.sandboxes.insert(one);
      await store.sandboxes.insert(two);
      const ids = async (filter: Parameters<Store['sandboxes']['page']>[1]) =>
        (
          await store.sandboxes.page(tenant, filter, 'createdAt', { limit: 10, descending: false })
        ).map(({ id }) => id);
      expect(await ids({ states: ['FAILED'] })).toEqual([two.id]);
      expect(await ids({ providers: ['local'] })).toEqual([one.id]);
      expect(await ids({ labels: { env: 'prod', team: '50%_off' } })).toEqual([one.id]);
      expect(await ids({ text: '50%_O' })).toEqual([one.id]);
      expect(await ids({ text: two.id.slice(4, 12).toUpperCase() })).toEqual([two.id]);
    });

    it('lets one of many win a change of state', async () => {
      const row = sandbox();
      await store.sandboxes.insert(row);
      const won = await Promise.all(
        Array.from({ length: 20 }, () =>
          store.sandboxes.update('acme', row.id, { state: 'DESTROYING' }, { from: ['READY'] }),
        ),
      );
      expect(won.filter(Boolean).length).toBe(1);
    });

    it('replaces labels, and finds by the new ones', async () => {
      const tenant = newId('req');
      const row = sandbox({ tenant, labels: { a: '1' } });
      await store.sandboxes.insert(row);
      await store.sandboxes.update(tenant, row.id, { labels: { b: '2' } });
      expect(await store.sandboxes.count(tenant, { labels: { a: '1' } })).toBe(0);
      expect(await store.sandboxes.count(tenant, { labels: { b: '2' } })).toBe(1);
    });

    it('knows what is unfinished and what expires of one owner', async () => {
      const row = sandbox({ expiresAt: 5, owner: 'srv_1', ownerEpoch: 1 });
      await store.sandboxes.insert(row);
      const process = child(row.id, { state: 'STARTING' });
      await store.processes.insert(process);
      const ids = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id);
      expect(ids(await store.sandboxes.expiring('srv_1', 10))).toEqual([row.id]);
      expect(await store.sandboxes.expiring('srv_2', 10)).toEqual([]);
      expect(ids(await store.processes.unfinished('srv_1', row.id))).toEqual([process.id]);
      expect(ids(await store.processes.unfinished('srv_1'))).toEqual([process.id]);
      expect(await store.processes.unfinished('srv_2')).toEqual([]);
      await store.processes.update('acme', process.id, {
        state: 'EXITED',
        exitCode: 0,
        cpuSeconds: 0.25,
        maxMemoryBytes: 2 ** 40,
      });
      expect(await store.processes.find('acme', process.id)).toMatchObject({
        state: 'EXITED',
        cpuSeconds: 0.25,
        maxMemoryBytes: 2 ** 40,
      });
    });

    it('lets one of a hundred be the first with a key, and frees it when it expires or is forgotten', async () => {
      const begin = (createdAt: number, notBefore = 0) =>
        store.idempotency.begin(
          { tenant: 'acme', operation: 'op', key: 'k', fingerprint: 'f', createdAt },
          notBefore,
        );
      const results = await Promise.all(Array.from({ length: 100 }, () => begin(100)));
      expect(results.filter((result) => result === null).length).toBe(1);
      await store.idempotency.complete('acme', 'op', 'k', 'sbx_1');
      expect(await begin(101)).toMatchObject({ resultId: 'sbx_1', fingerprint: 'f' });
      expect(await begin(300, 200)).toBeNull();
      await store.idempotency.forget('acme', 'op', 'k');
      expect(await begin(301)).toBeNull();
    });

    it.each(['a\0b', '\ud800', "'; drop table sandboxes; --", '💥'.repeat(1_000)])(
      'is not hurt by %j',
      async (text) => {
        const insert = store.sandboxes.insert(sandbox({ template: text }));
        if (/[\0]/.test(text) || !text.isWellFormed())
          await expect(insert).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
        else await insert;
        await store.ping();
      },
    );

    testOwnershipStore(() => store);
    testAccessStore(() => store, { sandbox, child });
    testChanges(() => store);
    testEventLog(() => ({ store, other, place }));
    testRetention(() => ({ store, other }));
  });
};
