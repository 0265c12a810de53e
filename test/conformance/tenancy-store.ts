import { expect, it } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import type { Store } from '../../src/store/store.ts';
import type { AuditFact } from '../../src/store/types/audit.ts';
import type { Process } from '../../src/store/types/process.ts';
import type { Bound } from '../../src/store/types/quota.ts';
import type { Sandbox } from '../../src/store/types/sandbox.ts';
import { everyTenant } from '../../src/store/types/scope.ts';
import type { UsageEntry } from '../../src/store/types/usage.ts';

type Make = {
  sandbox: (changes?: Partial<Sandbox>) => Sandbox;
  child: (sandboxId: string, changes?: Partial<Process>) => Process;
};

const HOUR = 3_600_000;
const fact = (tenant: string, action: string): AuditFact => ({
  id: newId('aud'),
  ...{ tenant, action, at: 1, requestId: 'req', subject: 'ann', role: 'admin', tokenId: null },
  ...{ address: null, target: null, sandboxId: null, outcome: 'SUCCEEDED', code: null },
});
const link = (row: { seq: number }, previous: string): string => `${previous}>${row.seq}`;

/** What every store owes those who decide about access. */
export const testAccessStore = (open: () => Store, { sandbox, child }: Make): void => {
  const bound = (changes: Partial<Bound> & { tenant: string | null }): Bound => ({
    ...{ metric: 'concurrentSandboxes', window: 'total', subject: null, since: 0 },
    ...{ limit: 10, resetAt: null, ...changes },
  });
  const entry = (tenant: string, changes: Partial<UsageEntry> = {}): UsageEntry => ({
    id: newId('req'),
    ...{ tenant, subject: 'ann', sandboxId: 'sbx_1', metric: 'cpuSeconds', amount: 1.5 },
    ...{ at: HOUR, ...changes },
  });

  it('lets as many of a hundred at once be written as a bound has room for', async () => {
    const store = open();
    const tenant = newId('req');
    const bounds = [bound({ tenant, limit: 7 }), bound({ tenant, subject: 'ann', limit: 9 })];
    const results = await Promise.all(
      Array.from({ length: 100 }, () => store.sandboxes.insert(sandbox({ tenant }), { bounds })),
    );
    expect(results.filter((excess) => excess === null).length).toBe(7);
    expect(results.find((excess) => excess !== null)).toMatchObject({
      ...{ used: 7, bound: { tenant, subject: null, limit: 7 } },
    });
    expect(await store.sandboxes.count(tenant, {})).toBe(7);
    const [row] = await store.sandboxes.page(tenant, {}, 'createdAt', {
      limit: 1,
      descending: true,
    });
    await store.sandboxes.update(tenant, row?.id ?? '', { state: 'FAILED' });
    expect(await store.sandboxes.insert(sandbox({ tenant }), { bounds })).toBeNull();
  });

  it('admits one that waits when there is room, once', async () => {
    const store = open();
    const tenant = newId('req');
    const waits = sandbox({ tenant, state: 'QUEUED', queuedAt: 5 });
    const behind = sandbox({ tenant, state: 'QUEUED', queuedAt: 6 });
    await store.sandboxes.insert(behind);
    await store.sandboxes.insert(waits);
    const mine = (await store.sandboxes.inState('QUEUED')).filter((row) => row.tenant === tenant);
    expect(mine.map(({ id }) => id)).toEqual([waits.id, behind.id]);
    expect(await store.sandboxes.queuedBefore(tenant, 6, behind.id)).toBe(1);
    expect(
      await store.sandboxes.admit(tenant, waits.id, {}, { bounds: [bound({ tenant, limit: 0 })] }),
    ).toMatchObject({
      used: 0,
    });
    const both = [1, 2].map(() =>
      store.sandboxes.admit(tenant, waits.id, { expiresAt: 9 }, { bounds: [bound({ tenant })] }),
    );
    const admitted = (await Promise.all(both)).filter((row) => row !== null);
    expect(admitted).toMatchObject([{ id: waits.id, state: 'CREATING', expiresAt: 9 }]);
    expect(await store.sandboxes.find(tenant, waits.id)).toMatchObject({
      state: 'CREATING',
      expiresAt: 9,
    });
  });

  it('writes a process and its cost as one, and neither when a bound does not hold', async () => {
    const store = open();
    const tenant = newId('req');
    const limit = bound({ tenant, metric: 'executions', window: 'hour', since: HOUR, limit: 1 });
    const run = (id: string) =>
      store.processes.insert(
        child('sbx_1', { tenant, id }),
        [entry(tenant, { id, metric: 'executions', amount: 1 })],
        [limit],
      );
    const [first, second] = [newId('prc'), newId('prc')];
    expect(await run(first)).toBeNull();
    expect(await run(second)).toMatchObject({ used: 1 });
    expect(await store.processes.find(tenant, second)).toBeNull();
    expect(await store.usage.used(limit)).toBe(1);
    // What was used before the window does not count.
    expect(await store.usage.used({ ...limit, since: 2 * HOUR })).toBe(0);
  });

  it('sums usage in every way, and counts an entry once however often it is given', async () => {
    const store = open();
    const tenant = newId('req');
    const { usage } = store;
    const twice = entry(tenant);
    await usage.add([twice, twice]);
    await usage.add([
      twice,
      entry(tenant, { subject: 'bob', sandboxId: 'sbx_2', at: 2 * HOUR, amount: 2 }),
    ]);
    const range = { from: 0, to: 4 * HOUR };
    expect(await usage.sums(tenant, range, 'metric')).toEqual([
      { metric: 'cpuSeconds', key: '', amount: 3.5 },
    ]);
    const sums = async (group: 'subject' | 'sandboxId' | 'hour' | 'day') =>
      (await usage.sums(tenant, range, group)).map(({ key, amount }) => [key, amount]);
    expect(await sums('subject')).toEqual([
      ['ann', 1.5],
      ['bob', 2],
    ]);
    expect(await sums('sandboxId')).toEqual([
      ['sbx_1', 1.5],
      ['sbx_2', 2],
    ]);
    expect(await sums('hour')).toEqual([
      [String(HOUR), 1.5],
      [String(2 * HOUR), 2],
    ]);
    expect(await sums('day')).toEqual([['0', 3.5]]);
    expect(await usage.sums(tenant, { ...range, subject: 'bob' }, 'metric')).toMatchObject([
      { amount: 2 },
    ]);
    expect(await usage.sums(newId('req'), range, 'metric')).toEqual([]);
  });

  it('books a slice of a sandbox for one of many', async () => {
    const store = open();
    const tenant = newId('req');
    const row = sandbox({ tenant, bookedAt: 10 });
    await store.sandboxes.insert(row);
    const booked = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        store.usage.book(row, {
          ...{ from: 10, to: 20, cpuSeconds: 2.5 },
          entries: [entry(tenant, { id: `${row.id}:${index}` })],
        }),
      ),
    );
    expect(booked.filter(Boolean).length).toBe(1);
    expect(await store.sandboxes.find(tenant, row.id)).toMatchObject({
      bookedAt: 20,
      bookedCpuSeconds: 2.5,
    });
    expect(await store.usage.sums(tenant, { from: 0, to: 2 * HOUR }, 'metric')).toMatchObject([
      { amount: 1.5 },
    ]);
  });

  it('finds rows of all tenants only where that is said, and those that are shared', async () => {
    const store = open();
    const tenant = newId('req');
    const row = sandbox({ tenant });
    await store.sandboxes.insert(row);
    expect(await store.sandboxes.find('others', row.id)).toBeNull();
    expect((await store.sandboxes.find(everyTenant, row.id))?.id).toBe(row.id);
    const { shares } = store;
    const share = { tenant, sandboxId: row.id, subject: 'bob', createdBy: 'ann', createdAt: 1 };
    expect(await store.sandboxes.count(tenant, { visibleTo: 'bob' })).toBe(0);
    await shares.put({ ...share, access: 'read' });
    await shares.put({ ...share, access: 'write' });
    expect(await shares.of(tenant, row.id)).toEqual([{ ...share, access: 'write' }]);
    expect(await shares.among(tenant, 'bob', [row.id, 'sbx_none'])).toHaveLength(1);
    expect(await store.sandboxes.count(tenant, { visibleTo: 'bob' })).toBe(1);
    for (const none of [{ ids: [] }, { states: [] }, { providers: [] }])
      expect(await store.sandboxes.count(tenant, { visibleTo: 'bob', ...none })).toBe(0);
    expect(await store.processes.count(tenant, row.id, { states: [] })).toBe(0);
    expect(await store.audit.page(tenant, { actions: [] }, { limit: 5, descending: true })).toEqual(
      [],
    );
    expect([
      await shares.remove(tenant, row.id, 'bob'),
      await shares.remove(tenant, row.id, 'bob'),
    ]).toEqual([true, false]);
  });

  it('chains the rows of a tenant, whoever writes at once', async () => {
    const store = open();
    const tenant = newId('req');
    const { audit } = store;
    await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        audit.append(tenant, [fact(tenant, `a${index}`), fact(tenant, `b${index}`)], link),
      ),
    );
    const rows = await audit.after(tenant, 0, 100);
    expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    for (const [index, row] of rows.entries())
      expect([row.previousHash, row.hash]).toEqual([
        rows[index - 1]?.hash ?? '',
        link(row, rows[index - 1]?.hash ?? ''),
      ]);
    expect((await audit.heads()).find((head) => head.tenant === tenant)).toMatchObject({
      seq: 60,
      hash: rows.at(-1)?.hash,
    });
    const page = await audit.page(
      tenant,
      { actions: ['a3', 'b3'] },
      { limit: 5, descending: true },
    );
    expect(page.map(({ action }) => action)).toEqual(['b3', 'a3']);
  });

  it('writes the rows of an append that is repeated once', async () => {
    const { audit } = open();
    const tenant = newId('req');
    const facts = [fact(tenant, 'a'), fact(tenant, 'b')];
    await audit.append(tenant, facts, link, true);
    await audit.append(tenant, [fact(tenant, 'c')], link);
    await audit.append(tenant, facts, link, true);
    await audit.append(tenant, [fact(tenant, 'd')], link, true);
    const rows = await audit.after(tenant, 0, 10);
    expect(rows.map(({ action, seq }) => [action, seq])).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 3],
      ['d', 4],
    ]);
    for (const [index, row] of rows.entries())
      expect(row.previousHash).toBe(rows[index - 1]?.hash ?? '');
  });

  it('keeps quotas by whom and by level, and revocations by when', async () => {
    const store = open();
    const tenant = newId('req');
    const { quotas, revocations } = store;
    const setting = {
      tenant,
      subject: '',
      metric: 'executions',
      window: 'day',
      level: 'tenant',
    } as const;
    await quotas.put({ ...setting, limit: 1, setBy: 'ann', setAt: 1 });
    await quotas.put({ ...setting, limit: 2, setBy: 'ann', setAt: 2 });
    await quotas.put({
      ...setting,
      subject: 'bob',
      level: 'platform',
      limit: 3,
      setBy: 'x',
      setAt: 1,
    });
    expect((await quotas.of(tenant, null)).map(({ limit }) => limit)).toEqual([2]);
    expect((await quotas.of(tenant, 'bob')).length).toBe(2);
    await quotas.remove(setting);
    expect(await quotas.of(tenant, null)).toEqual([]);
    const row = { tenant, kind: 'token', value: 'x', before: 5, createdBy: 'ann' } as const;
    const [old, fresh] = [newId('rev'), newId('rev')];
    await revocations.insert({ ...row, id: old, createdAt: 5 });
    await revocations.insert({ ...row, id: fresh, createdAt: 2 ** 42 });
    const since = async (at: number) => (await revocations.since(at)).map(({ id }) => id);
    expect(await since(0)).toEqual(expect.arrayContaining([old, fresh]));
    expect(await since(2 ** 42)).toEqual([fresh]);
  });

  it('shows nobody in the database what the variables of a sandbox are', async () => {
    const store = open();
    const row = sandbox({ tenant: newId('req'), env: { SECRET: 'canary' } });
    await store.sandboxes.insert(row);
    expect((await store.sandboxes.find(row.tenant, row.id))?.env).toEqual({ SECRET: 'canary' });
  });
};
