import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadState } from '../../src/providers/local/state.ts';
import type { Sandbox } from '../../src/store/types/sandbox.ts';
import { alice, newStateDir, type OpenService, openService } from '../helpers/sandbox-service.ts';

describe('usage of a sandbox that ends while no server runs', async () => {
  const stateDir = await newStateDir();
  let open: OpenService = await openService(stateDir);
  let ahead = 0;
  afterAll(() => open.end());

  const again = async ({ skip }: { skip: number }, between = (): void => undefined) => {
    await open.close();
    between();
    open = await openService(stateDir);
    // Clocks do not go back.
    ahead += skip;
    open.skip(ahead);
    await open.takeUp();
  };
  const die = async ({ id, ref }: Sandbox): Promise<() => void> => {
    const found = await open.service.get(alice, id);
    const state = loadState(join(stateDir, 'local', 'sandboxes', ref ?? found.ref ?? ''));
    return () => void process.kill(state?.inner ?? 0, 'SIGKILL');
  };
  /** Seconds in the ledger, and in the events that tell of them. */
  const secondsOf = async ({ tenant, id }: Sandbox): Promise<number[]> => {
    const range = { from: 0, to: 2 ** 50, sandboxId: id };
    const sums = await open.store.usage.sums(tenant, range, 'metric');
    const events = await open.store.usageEvents.after(tenant, 0, 1_000);
    const told = events.flatMap(({ kind, meta }) =>
      kind === 'usage-recorded' && meta.sandboxId === id && meta.metric === 'sandboxSeconds'
        ? [meta.amount]
        : [],
    );
    return [
      sums.find(({ metric }) => metric === 'sandboxSeconds')?.amount ?? 0,
      told.reduce((sum, amount) => sum + amount, 0),
    ];
  };
  const lifeOf = ({ readyAt }: Sandbox, until: number): number => (until - (readyAt ?? 0)) / 1_000;
  const expectBooked = async (row: Sandbox, until: number): Promise<void> => {
    for (const seconds of await secondsOf(row)) expect(seconds).toBeCloseTo(lifeOf(row, until), 6);
  };

  it('is booked until the server saw it gone, once', async () => {
    const { row } = await open.service.create(alice, { timeoutSeconds: 3_600 });
    await again({ skip: 600_000 }, await die(row));
    const ended = await open.service.get(alice, row.id);
    expect(ended).toMatchObject({ state: 'TERMINATED', terminationReason: 'LOST' });
    expect(ended.bookedAt).toBeGreaterThan((row.readyAt ?? 0) + 600_000);
    await expectBooked(row, ended.bookedAt ?? 0);
    await again({ skip: 1_200_000 });
    await expectBooked(row, ended.bookedAt ?? 0);
  });

  it('is booked until it expired, at most', async () => {
    const { row } = await open.service.create(alice, { timeoutSeconds: 60 });
    await again({ skip: 600_000 }, await die(row));
    await open.told(row.id, ['sandbox-destroyed']);
    await expectBooked(row, row.expiresAt);
  });

  it('is booked with the change that begins its removal: what a kill leaves behind then uses nothing', async () => {
    const { row } = await open.service.create(alice, { timeoutSeconds: 3_600 });
    // As the first step of a destroy leaves it.
    const slice = { from: row.bookedAt ?? 0, to: (row.bookedAt ?? 0) + 5_000, cpuSeconds: 0 };
    const entry = { tenant: row.tenant, subject: row.createdBy, sandboxId: row.id, at: slice.to };
    await open.store.sandboxes.update(
      row.tenant,
      row.id,
      { state: 'DESTROYING', terminationReason: 'USER', terminationMessage: 'Destroyed by ann.' },
      {
        from: ['READY'],
        slice: {
          ...slice,
          entries: [{ ...entry, id: `${row.id}:last`, metric: 'sandboxSeconds', amount: 5 }],
        },
      },
    );
    await again({ skip: 600_000 });
    expect(await open.service.get(alice, row.id)).toMatchObject({
      state: 'TERMINATED',
      terminationMessage: 'Destroyed by ann.',
    });
    expect(await secondsOf(row)).toEqual([5, 5]);
  });
});
