import { afterAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import type { Provider } from '../../src/providers/types/provider.ts';
import { sandbox } from '../conformance/rows.ts';
import { until } from '../helpers/fleet.ts';
import {
  alice,
  deployment,
  newStateDir,
  type OpenService,
  openService,
} from '../helpers/sandbox-service.ts';
import {
  createSharedVendor,
  holdAnswers,
  plantSandbox,
  vendorLog,
  vendorRefs,
} from '../helpers/shared-vendor.ts';

describe('a create whose row another server has taken over', () => {
  const opened: OpenService[] = [];
  afterAll(async () => {
    for (const one of opened) await one.close();
  });

  /** A create that the vendor has done and not answered, whose row has the other owner and this state by then. */
  const createAcross = async (
    change: (row: { id: string; ref: string }) => object,
    isLate = false,
  ) => {
    const folder = await newStateDir();
    const detached: string[] = [];
    const vendor = createSharedVendor(folder, deployment);
    const create: Provider['create'] = async (...asked) => {
      const handle = await vendor.create(...asked);
      return { ...handle, detach: () => void detached.push(handle.ref) };
    };
    const open = await openService(await newStateDir(), {
      vendors: [{ ...vendor, create }],
      deadlines: isLate ? { create: 2_000 } : {},
    });
    opened.push(open);
    const { store, service } = open;
    const hold = holdAnswers(folder);
    const outcome = service.create(alice, {}).then(
      ({ row }) => ({ row, error: null }),
      (error: unknown) => ({ row: null, error }),
    );
    await until(() => vendorLog(folder).some(({ what }) => what === 'created'));
    const [row] = await store.sandboxes.inState('CREATING');
    if (!row) throw new Error('there is no row');
    const other = { owner: 'srv_other', ownerEpoch: 1 };
    const ref = `shared-${row.id}`;
    await store.sandboxes.update(row.tenant, row.id, { ...other, ...change({ id: row.id, ref }) });
    if (isLate) await outcome;
    hold.release();
    if ((await store.sandboxes.inState('CREATING')).length > 0) {
      // The other server finds it after this one has let go of it.
      await until(() => detached.length > 0);
      await store.sandboxes.update(row.tenant, row.id, { state: 'READY', ref, readyAt: 1 });
    }
    await outcome;
    if (isLate) await until(() => detached.length > 0 || vendorRefs(folder).length === 0);
    return {
      open,
      folder,
      detached,
      outcome: await outcome,
      ref,
      row: await store.sandboxes.find('acme', row.id),
    };
  };

  it('leaves the sandbox to its new owner, for which it is ready', async () => {
    const { folder, detached, outcome, ref, row, open } = await createAcross(({ ref }) => ({
      ...{ state: 'READY', ref, readyAt: 1 },
    }));
    expect(vendorRefs(folder)).toEqual([ref]);
    expect(row).toMatchObject({ state: 'READY', owner: 'srv_other', endedAt: null });
    // It is there, as was asked for; who uses it is told where.
    expect(outcome.row).toMatchObject({ state: 'READY', owner: 'srv_other' });
    expect(open.pool.connected()).toEqual([]);
    expect(detached).toEqual([ref]);
  });

  it('leaves the sandbox to its new owner, which is still looking for it', async () => {
    const { folder, ref, row, outcome } = await createAcross(() => ({}));
    expect(vendorRefs(folder)).toEqual([ref]);
    expect(row).toMatchObject({ state: 'READY', owner: 'srv_other', endedAt: null });
    // Whoever asked for it has waited for the other.
    expect(outcome.row).toMatchObject({ state: 'READY', owner: 'srv_other' });
  });

  it('leaves it also when the answer came after it was given up here', async () => {
    const { folder, detached, ref, row } = await createAcross(
      ({ ref }) => ({ state: 'READY', ref, readyAt: 1 }),
      true,
    );
    expect(vendorRefs(folder)).toEqual([ref]);
    expect(detached).toContain(ref);
    expect(row).toMatchObject({ state: 'READY', owner: 'srv_other', endedAt: null });
  });

  it('destroys the sandbox that its new owner has given up', async () => {
    const { folder, outcome } = await createAcross(() => ({ state: 'FAILED', endedAt: 1 }));
    expect(vendorRefs(folder)).toEqual([]);
    expect(outcome.error).toMatchObject({ code: 'TERMINATED' });
  });

  it('destroys a second sandbox, where its new owner has another one', async () => {
    const { folder, row } = await createAcross(() => ({
      state: 'READY',
      ref: 'another',
      readyAt: 1,
    }));
    expect(vendorRefs(folder)).toEqual([]);
    expect(row).toMatchObject({ state: 'READY', ref: 'another' });
  });
});

describe('a create that a server finds unfinished', () => {
  it('has failed, and leaves nothing, where what was made is no sandbox yet', async () => {
    const folder = await newStateDir();
    const connect = async (): Promise<never> => {
      throw new AppError('NOT_FOUND', 'It was never started.');
    };
    const vendor = { ...createSharedVendor(folder, deployment), connect };
    const open = await openService(await newStateDir(), { vendors: [vendor] });
    const { owner, epoch: ownerEpoch } = open.ownership.lease.fence;
    const row = sandbox({ state: 'CREATING', provider: 'shared', owner, ownerEpoch });
    await open.store.sandboxes.insert(row);
    const ref = plantSandbox(folder, row.id, deployment);
    expect(vendorRefs(folder)).toEqual([ref]);
    await open.takeUp();
    expect(await open.service.get(alice, row.id)).toMatchObject({
      ...{ state: 'FAILED', terminationReason: 'CREATE_FAILED' },
    });
    expect(vendorRefs(folder)).toEqual([]);
    await open.close();
  });

  it('ends while it runs, when the answer to the commit of its row was lost', async () => {
    const folder = await newStateDir();
    let loses = true;
    const open = await openService(await newStateDir(), {
      leaseMs: 2_000,
      vendors: [createSharedVendor(folder, deployment)],
      disturb: (store) => ({
        ...store,
        sandboxes: {
          ...store.sandboxes,
          async insert(...row) {
            const result = await store.sandboxes.insert(...row);
            if (loses) throw new AppError('UNAVAILABLE', 'The answer was lost.');
            return result;
          },
        },
      }),
    });
    await open.takeUp();
    await expect(open.service.create(alice, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    loses = false;
    const { owner, epoch: ownerEpoch } = open.ownership.lease.fence;
    const ours = { provider: 'shared', owner, ownerEpoch };
    const destroying = sandbox({ state: 'DESTROYING', ...ours });
    const ref = plantSandbox(folder, destroying.id, deployment);
    await open.store.sandboxes.insert({ ...destroying, ref });
    const states = async () =>
      (await open.service.page(alice, {}, 'createdAt', { limit: 9, descending: true })).map(
        ({ state, terminationReason }) => `${state} ${terminationReason}`,
      );
    await until(
      async () => (await open.store.ownership.owned({ owner, epoch: ownerEpoch })).length === 0,
    );
    expect(await states()).toEqual(['FAILED CREATE_FAILED', 'TERMINATED USER']);
    expect(vendorRefs(folder)).toEqual([]);
    // A create that takes longer than several looks is disturbed by none of them.
    const hold = holdAnswers(folder);
    const create = open.service.create(alice, {});
    const turns = 4 * 1_000;
    await new Promise((resolve) => setTimeout(resolve, turns));
    hold.release();
    expect((await create).row).toMatchObject({ state: 'READY' });
    await open.end();
  });
});
