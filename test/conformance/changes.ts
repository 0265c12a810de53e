import { expect, it } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import type { Store } from '../../src/store/store.ts';
import type { Bound } from '../../src/store/types/quota.ts';
import { child, sandbox } from './rows.ts';

/** A row, its event and what it used are one: all of them are written, or none. */
export const testChanges = (open: () => Store): void => {
  const eventsOf = async (tenant: string) => open().sandboxEvents.after(tenant, 0, 100);
  const kindsOf = async (tenant: string) => (await eventsOf(tenant)).map(({ kind }) => kind);
  const entry = (tenant: string, id: string) => ({
    ...{ tenant, id, subject: 'ann', sandboxId: 'sbx_1', metric: 'cpuSeconds' as const },
    ...{ amount: 2, at: 3_600_000 },
  });

  it('writes a sandbox and its event, or neither when a bound does not hold', async () => {
    const { sandboxes } = open();
    const tenant = newId('req');
    const bound: Bound = {
      ...{ metric: 'concurrentSandboxes', window: 'total', tenant, subject: null },
      ...{ since: 0, limit: 1, resetAt: null },
    };
    const row = sandbox({ tenant, labels: { team: 'core' } });
    const event = { kind: 'sandbox-created', at: 5 } as const;
    expect(await sandboxes.insert(row, { bounds: [bound], event })).toBeNull();
    expect(await sandboxes.insert(sandbox({ tenant }), { bounds: [bound], event })).toMatchObject({
      used: 1,
    });
    expect(await eventsOf(tenant)).toEqual([
      {
        seq: 1,
        ...event,
        meta: {
          ...{ sandboxId: row.id, provider: 'local', createdBy: 'ann', labels: { team: 'core' } },
          ...{ reason: null, message: null, position: null },
        },
      },
    ]);
  });

  it('returns the row as it is after a change, and tells of it as it is then', async () => {
    const { sandboxes } = open();
    const tenant = newId('req');
    const row = sandbox({ tenant, labels: { old: '1' } });
    await sandboxes.insert(row);
    await sandboxes.update(tenant, row.id, { labels: { new: '2' } });
    const patch = {
      state: 'TERMINATED',
      terminationReason: 'USER',
      terminationMessage: 'Destroyed.',
      endedAt: 7,
    } as const;
    const event = { kind: 'sandbox-destroyed', at: 7 } as const;
    expect(await sandboxes.update(tenant, row.id, patch, { from: ['READY'], event })).toEqual({
      ...row,
      ...patch,
      labels: { new: '2' },
    });
    expect(await sandboxes.update(tenant, row.id, patch, { from: ['READY'], event })).toBeNull();
    expect(await eventsOf(tenant)).toMatchObject([
      { kind: 'sandbox-destroyed', meta: { labels: { new: '2' }, reason: 'USER' } },
    ]);
  });

  it('takes labels as large as validation lets through, in rows and in events', async () => {
    const { sandboxes } = open();
    const tenant = newId('req');
    const labels = Object.fromEntries(
      Array.from({ length: 64 }, (_, index) => [`key-${index}`, '\u{1f600}"\\'.repeat(256)]),
    );
    expect(JSON.stringify(labels).length).toBeGreaterThan(98_000);
    const row = sandbox({ tenant, labels });
    await sandboxes.insert(row, { event: { kind: 'sandbox-created', at: 1 } });
    const event = { kind: 'sandbox-destroyed', at: 2 } as const;
    await sandboxes.update(tenant, row.id, { state: 'TERMINATED', endedAt: 2 }, { event });
    expect((await eventsOf(tenant)).map(({ meta }) => meta.labels)).toEqual([labels, labels]);
  });

  it('changes a row only while its owner and epoch are these', async () => {
    const { sandboxes, usage } = open();
    const tenant = newId('req');
    const placement = { reasons: ['first'] };
    const row = sandbox({ tenant, owner: 'one', ownerEpoch: 3, bookedAt: 10, placement });
    await sandboxes.insert(row);
    const event = { kind: 'sandbox-expiring', at: 1 } as const;
    const change = (owner: string, epoch: number) =>
      sandboxes.update(tenant, row.id, { expiresAt: 99 }, { fence: { owner, epoch }, event });
    const slice = { from: 10, to: 20, cpuSeconds: 1, entries: [entry(tenant, newId('req'))] };
    expect(await change('one', 2)).toBeNull();
    expect(await change('two', 3)).toBeNull();
    expect(await usage.book(row, slice, { owner: 'two', epoch: 3 })).toBe(false);
    expect(await kindsOf(tenant)).toEqual([]);
    expect(await change('one', 3)).toEqual({ ...row, expiresAt: 99 });
    expect(await usage.book(row, slice, { owner: 'one', epoch: 3 })).toBe(true);
    expect(await kindsOf(tenant)).toEqual(['sandbox-expiring']);
  });

  it('lets one of many servers take a row over, by what it saw', async () => {
    const { sandboxes } = open();
    const tenant = newId('req');
    const row = sandbox({ tenant });
    await sandboxes.insert(row);
    const taken = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        sandboxes.update(
          tenant,
          row.id,
          { owner: `server-${index}`, ownerEpoch: 1 },
          { expect: { owner: null, ownerEpoch: 0 } },
        ),
      ),
    );
    expect(taken.filter((one) => one !== null)).toHaveLength(1);
  });

  it('ends a sandbox and its processes, or neither', async () => {
    const { sandboxes, processes } = open();
    const tenant = newId('req');
    const row = sandbox({ tenant, owner: 'one' });
    await sandboxes.insert(row);
    const running = child(row.id, { tenant });
    const starting = child(row.id, { tenant, state: 'STARTING' });
    const over = child(row.id, { tenant, state: 'EXITED', endedAt: 1 });
    const ofAnother = child(newId('sbx'), { tenant });
    for (const one of [running, starting, over, ofAnother]) await processes.insert(one);
    const states = async () => {
      const ids = [running, starting, over, ofAnother].map(({ id }) => id);
      return (await processes.findMany(tenant, ids)).map((one) => `${one?.state} ${one?.endedAt}`);
    };
    const end = (owner: string) =>
      sandboxes.update(
        tenant,
        row.id,
        { state: 'TERMINATED', endedAt: 7 },
        { expect: { owner }, losesProcessesAt: 7 },
      );
    expect(await end('another')).toBeNull();
    expect(await states()).toEqual(['RUNNING null', 'STARTING null', 'EXITED 1', 'RUNNING null']);
    expect(await end('one')).toMatchObject({ state: 'TERMINATED' });
    expect(await states()).toEqual(['LOST 7', 'LOST 7', 'EXITED 1', 'RUNNING null']);
  });

  it('ends a sandbox and books the last of its usage, or neither', async () => {
    const store = open();
    const tenant = newId('req');
    const row = sandbox({ tenant, bookedAt: 10 });
    await store.sandboxes.insert(row);
    const end = (from: number) =>
      store.sandboxes.update(
        tenant,
        row.id,
        { state: 'TERMINATED', endedAt: 30 },
        {
          from: ['READY'],
          event: { kind: 'sandbox-destroyed', at: 30 },
          slice: { from, to: 30, cpuSeconds: 2, entries: [entry(tenant, `${row.id}:last`)] },
        },
      );
    expect(await end(9)).toBeNull();
    expect(await store.usage.sums(tenant, { from: 0, to: 2 ** 40 }, 'metric')).toEqual([]);
    expect(await end(10)).toMatchObject({ bookedAt: 30, bookedCpuSeconds: 2 });
    expect(await store.usage.sums(tenant, { from: 0, to: 2 ** 40 }, 'metric')).toMatchObject([
      { amount: 2 },
    ]);
    expect(await store.usageEvents.after(tenant, 0, 10)).toMatchObject([
      { kind: 'usage-recorded', meta: { sandboxId: 'sbx_1', metric: 'cpuSeconds', amount: 2 } },
    ]);
    // It is not ready any more: nothing is booked behind the end.
    const slice = { from: 30, to: 40, cpuSeconds: 3, entries: [] };
    expect(await store.usage.book(row, slice)).toBe(false);
  });
};
