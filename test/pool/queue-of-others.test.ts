import { afterEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { sandbox } from '../conformance/rows.ts';
import { until } from '../helpers/fleet.ts';
import {
  alice,
  deployment,
  newStateDir,
  type OpenService,
  openService,
} from '../helpers/sandbox-service.ts';
import { createSharedVendor } from '../helpers/shared-vendor.ts';

describe('the queue of a server beside others', () => {
  let open: OpenService | null = null;
  afterEach(() => open?.end());
  const start = async (disturb: (store: Store) => Store = (store) => store) => {
    const vendors = [createSharedVendor(await newStateDir(), deployment)];
    open = await openService(await newStateDir(), { vendors, disturb });
    return open;
  };
  const queued = (changes = {}) =>
    sandbox({
      ...{ state: 'QUEUED', provider: 'shared', owner: 'srv_gone', ownerEpoch: 1 },
      ...{ queuedAt: Date.now(), createdAt: Date.now(), ...changes },
    });
  const late = Date.now() - 3_600_000;

  it('admits what a server queued that is gone, and fails what has waited for too long', async () => {
    const { store, service } = await start();
    const [one, two] = [queued(), queued({ queuedAt: late })];
    await store.sandboxes.insert(one);
    await store.sandboxes.insert(two);
    await until(async () => (await service.get(alice, one.id)).state === 'READY');
    await until(async () => (await service.get(alice, two.id)).state === 'FAILED');
    expect(await service.get(alice, two.id)).toMatchObject({ terminationReason: 'QUEUE_TIMEOUT' });
  });

  it('lets a new one that may wait not pass those that wait at another server', async () => {
    const { store, service } = await start();
    // Nobody admits it: there is no such provider.
    await store.sandboxes.insert(queued({ provider: 'elsewhere' }));
    const { row } = await service.create(alice, { wait: true });
    expect(row.state).toBe('QUEUED');
  });

  it('reads the first of each, so that many of one tenant hide no other, and opens no variables', async () => {
    const { store } = await start();
    const now = Date.now() + 60_000;
    const nobody = (changes = {}) =>
      queued({ provider: 'elsewhere', env: { SECRET: 'x' }, queuedAt: now, ...changes });
    const many = [0, 1, 2].map((after) => nobody({ queuedAt: now + after }));
    const other = nobody({ tenant: 'other', queuedAt: now + 9, owner: 'srv_other' });
    for (const row of [...many, other]) await store.sandboxes.insert(row);
    const idsOf = async (owner: string | null, perGroup: number, limit: number) =>
      (await store.sandboxes.queued({ owner, perGroup, limit })).map(({ id }) => id);
    const [first, second, third] = many.map(({ id }) => id);
    expect(await idsOf(null, 9, 9)).toEqual([first, second, third, other.id]);
    expect(await idsOf(null, 2, 9)).toEqual([first, second, other.id]);
    expect(await idsOf(null, 9, 2)).toEqual([first, other.id]);
    expect(await idsOf('srv_other', 9, 9)).toEqual([other.id]);
    const [row] = await store.sandboxes.queued({ owner: null, perGroup: 1, limit: 1 });
    expect(row).not.toHaveProperty('env');
  });

  it('does not fail what another server has admitted in this moment', async () => {
    const admitted = queued({ queuedAt: late });
    const waiting = queued({ queuedAt: late + 1 });
    const { store, service } = await start((real) => ({
      ...real,
      sandboxes: {
        ...real.sandboxes,
        async queued(page) {
          const rows = await real.sandboxes.queued(page);
          const patch = { state: 'READY', owner: 'srv_other', ref: 'x', readyAt: 1 } as const;
          if (rows.some(({ id }) => id === admitted.id))
            await real.sandboxes.update('acme', admitted.id, patch);
          return rows;
        },
      },
    }));
    await store.sandboxes.insert(waiting);
    await store.sandboxes.insert(admitted);
    await until(async () => (await service.get(alice, waiting.id)).state === 'FAILED');
    expect(await service.get(alice, admitted.id)).toMatchObject({ state: 'READY', endedAt: null });
    await store.sandboxes.update('acme', admitted.id, { state: 'TERMINATED', endedAt: 1 });
  });
});
