import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import type { Store } from '../../src/store/store.ts';
import { child, sandbox } from './rows.ts';

const SHORT_MS = 50;
const LONG_MS = 600_000;

/** Owners of rows, and the servers that own them. */
export const testOwnershipStore = (given: () => Store): void => {
  const start = async (leaseMs: number, host = 'here') => {
    const { servers } = given();
    const id = newId('srv');
    const { actual } = await servers.deployment();
    const row = {
      ...{ id, host, stateDir: 'dir', database: actual },
      ...{ epoch: 1, doubt: null, predecessor: null },
    };
    expect(await servers.register(row, null, leaseMs)).toBe(true);
    return { row, fence: { owner: id, epoch: 1 } };
  };
  const mine = (owner: string, changes = {}) =>
    sandbox({ owner, ownerEpoch: 1, host: 'here', ...changes });

  describe('servers', () => {
    it('register a start once, and only after the one before it', async () => {
      const { servers } = given();
      const { row } = await start(LONG_MS);
      expect(await servers.register(row, null, LONG_MS)).toBe(false);
      const next = { ...row, epoch: 2 };
      const outcomes = await Promise.all(
        Array.from({ length: 5 }, () => servers.register(next, 1, LONG_MS)),
      );
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      expect(await servers.find(row.id)).toMatchObject({ epoch: 2, address: null });
    });

    it('renew the lease of the latest start only', async () => {
      const { servers } = given();
      const { row } = await start(LONG_MS);
      const beat = { id: row.id, leaseMs: LONG_MS, address: 'http://one' };
      expect(await servers.renew({ ...beat, epoch: 1 })).toMatchObject({ address: 'http://one' });
      await servers.register({ ...row, epoch: 2 }, 1, LONG_MS);
      expect(await servers.renew({ ...beat, epoch: 1 })).toBeNull();
    });

    it('renew no lease in a database that is another one by now', async () => {
      const { servers } = given();
      const { row } = await start(LONG_MS);
      await servers.register({ ...row, epoch: 2, database: 'elsewhere' }, 1, LONG_MS);
      const beat = { id: row.id, epoch: 2, leaseMs: LONG_MS, address: null };
      expect(await servers.renew(beat)).toBeNull();
    });

    it('are dead after their lease, by the clock of the database', async () => {
      const { servers } = given();
      const [short, long] = [await start(1), await start(LONG_MS)];
      await sleep(SHORT_MS);
      const isAlive = new Map((await servers.list()).map((one) => [one.id, one.isAlive]));
      expect([short, long].map(({ row }) => isAlive.get(row.id))).toEqual([false, true]);
    });

    it('are at no address after an orderly stop, and keep their lease', async () => {
      const { servers } = given();
      const { row } = await start(LONG_MS);
      await servers.renew({ id: row.id, epoch: 1, leaseMs: LONG_MS, address: 'http://one' });
      await servers.leave(row.id, 2);
      expect(await servers.find(row.id)).toMatchObject({ address: 'http://one' });
      await servers.leave(row.id, 1);
      const [found] = (await servers.list()).filter(({ id }) => id === row.id);
      expect(found).toMatchObject({ isAlive: true, address: null });
    });

    it('lose their doubt when an operator confirms them', async () => {
      const { servers } = given();
      const { row } = await start(LONG_MS);
      await servers.register({ ...row, epoch: 2, doubt: 'a copy' }, 1, LONG_MS);
      await servers.confirm(row.id);
      expect(await servers.find(row.id)).toMatchObject({ doubt: null });
      const { database, actual, id } = await servers.deployment();
      expect(database).toBe(actual);
      expect((await servers.deployment()).id).toBe(id);
    });
  });

  describe('ownership', () => {
    it('is taken back by a later start, of what is alive', async () => {
      const { sandboxes, ownership } = given();
      const { fence } = await start(LONG_MS);
      const alive = mine(fence.owner);
      const ended = mine(fence.owner, { state: 'TERMINATED', endedAt: 1 });
      await sandboxes.insert(alive);
      await sandboxes.insert(ended);
      await ownership.takeBack({ ...fence, epoch: 2 });
      const ids = async (epoch: number): Promise<string[]> =>
        (await ownership.owned({ ...fence, epoch })).map(({ id }) => id);
      expect(await ids(2)).toEqual([alive.id]);
      expect(await ids(1)).toEqual([]);
    });

    it('is released of what is at a provider that the server no longer has, and not bound to a host', async () => {
      const { sandboxes, ownership } = given();
      const { fence } = await start(LONG_MS);
      const rows = [
        mine(fence.owner, { host: null, provider: 'gone' }),
        mine(fence.owner, { host: 'here', provider: 'gone' }),
        mine(fence.owner, { host: null, provider: 'kept' }),
        mine(fence.owner, { host: null, provider: 'gone', state: 'FAILED', endedAt: 1 }),
        mine('srv_other', { host: null, provider: 'gone' }),
      ];
      for (const row of rows) await sandboxes.insert(row);
      await ownership.release(fence.owner, ['kept']);
      const found = await sandboxes.findMany(
        'acme',
        rows.map(({ id }) => id),
      );
      const { owner } = fence;
      expect(found.map((row) => row?.owner)).toEqual([null, owner, owner, owner, 'srv_other']);
    });

    it('goes from a dead server to exactly one other, on the same host or from its predecessor', async () => {
      const { sandboxes, ownership } = given();
      const dead = await start(1);
      const living = await start(LONG_MS);
      const rows = {
        bound: mine(dead.row.id),
        free: mine(dead.row.id, { host: null }),
        elsewhere: mine(dead.row.id, { host: 'elsewhere' }),
        living: mine(living.row.id),
        ended: mine(dead.row.id, { state: 'FAILED', endedAt: 1 }),
        unowned: sandbox(),
      };
      for (const row of Object.values(rows)) await sandboxes.insert(row);
      await sleep(SHORT_MS);
      const found = async (host: string, predecessor: string | null): Promise<string[]> => {
        const listed = await ownership.abandoned({ host, predecessor }, '', 1_000);
        const names = new Map(Object.entries(rows).map(([name, { id }]) => [id, name]));
        return listed.flatMap(({ id }) => names.get(id) ?? []).toSorted();
      };
      expect(await found('here', null)).toEqual(['bound', 'free', 'unowned']);
      expect(await found('there', null)).toEqual(['free', 'unowned']);
      const all = ['bound', 'elsewhere', 'free', 'unowned'];
      expect(await found('there', dead.row.id)).toEqual(all);
      const takers = await Promise.all(Array.from({ length: 4 }, () => start(LONG_MS)));
      const taken = await Promise.all(
        takers.map(({ fence }) => ownership.takeOver(rows.free, fence, null)),
      );
      expect(taken.filter(Boolean)).toHaveLength(1);
      const [taker] = takers;
      if (!taker) throw new Error('there is no taker');
      expect(await ownership.takeOver(rows.living, taker.fence, null)).toBeNull();
      expect(await ownership.takeOver(rows.ended, taker.fence, null)).toBeNull();
    });

    it('fences the writes of the owner that was replaced: row, ledger and processes', async () => {
      const { sandboxes, ownership, processes, usage } = given();
      const dead = await start(1);
      const taker = await start(LONG_MS);
      const row = mine(dead.row.id, { bookedAt: 1 });
      const process = child(row.id);
      await sandboxes.insert(row);
      await processes.insert(process);
      await sleep(SHORT_MS);
      await ownership.takeOver(row, taker.fence, 'here');
      const { tenant, id } = row;
      const late = { state: 'DESTROYING' } as const;
      expect(await sandboxes.update(tenant, id, late, { fence: dead.fence })).toBeNull();
      const slice = { from: 1, to: 2, cpuSeconds: 0, entries: [] };
      expect(await usage.book(row, slice, dead.fence)).toBe(false);
      const exit = { state: 'EXITED', exitCode: 0 } as const;
      const from = ['RUNNING'] as const;
      expect(await processes.update(tenant, process.id, exit, from, dead.fence)).toBe(false);
      expect(await processes.update(tenant, process.id, exit, from, taker.fence)).toBe(true);
      expect(await usage.book(row, slice, taker.fence)).toBe(true);
      expect(await sandboxes.update(tenant, id, late, { fence: taker.fence })).not.toBeNull();
    });

    it('is given up of what is bound to a host whose server was silent for too long', async () => {
      const { sandboxes, ownership } = given();
      const dead = await start(1);
      const row = mine(dead.row.id);
      const free = mine(dead.row.id, { host: null });
      await sandboxes.insert(row);
      await sandboxes.insert(free);
      const ids = async (silentMs: number): Promise<string[]> =>
        (await ownership.unreachable(silentMs, 1_000)).map(({ id }) => id);
      expect(await ids(LONG_MS)).not.toContain(row.id);
      await sleep(SHORT_MS);
      expect(await ids(1)).toContain(row.id);
      expect(await ids(1)).not.toContain(free.id);
    });
  });

  describe('orphans', () => {
    it('are what a server sees now, and keep that an operator wants them removed', async () => {
      const { orphans } = given();
      const seen = (...refs: string[]) =>
        refs.map((ref) => ({ ref, id: `sbx_${ref}`, foundAt: 3 }));
      const listed = async (): Promise<[string, number | null][]> =>
        (await orphans.list()).map(({ ref, removeAt }) => [ref, removeAt]);
      await orphans.found('srv_1', 'local', seen('a', 'b'));
      await orphans.found('srv_2', 'local', seen('c'));
      expect(await orphans.remove(['a'], 9)).toBe(1);
      await orphans.found('srv_1', 'local', seen('a', 'd'));
      expect(await listed()).toEqual([
        ['a', 9],
        ['c', null],
        ['d', null],
      ]);
      expect(await orphans.remove(null, 10)).toBe(3);
      expect(await orphans.remove([], 10)).toBe(0);
      await orphans.found('srv_1', 'local', []);
      expect(await listed()).toEqual([['c', 10]]);
    });
  });
};
