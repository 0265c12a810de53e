import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandbox } from '../conformance/rows.ts';
import { principal } from '../helpers/principal.ts';
import { alice, newStateDir, type OpenService, openService } from '../helpers/sandbox-service.ts';

describe('changes of sandboxes', () => {
  let open: OpenService;
  beforeAll(async () => {
    open = await openService(await newStateDir());
  });
  afterAll(() => open?.end());

  it('reach the provider in their order: a shorter life that is slow, then a longer one', async () => {
    const { row } = await open.service.create(alice, { timeoutSeconds: 3_600 });
    const handle = await open.pool.handle(row);
    const moved: number[] = [];
    const original = handle.extendTo;
    let isFirst = true;
    handle.extendTo = async (instant) => {
      if (isFirst) {
        isFirst = false;
        await sleep(300);
      }
      await original(instant);
      moved.push(instant);
    };
    await open.service.extend(alice, row.id, 1_800);
    const longer = await open.service.extend(alice, row.id, 7_200);
    expect(moved.at(-1)).toBe(longer.expiresAt);
    expect(moved).toHaveLength(2);
    expect(await open.service.get(alice, row.id)).toMatchObject({ expiresAt: longer.expiresAt });
    await open.service.destroy(alice, row.id);
  });

  it('destroy what may be destroyed, and leave what is only shared to be read', async () => {
    const bob = principal({ subject: 'bob', role: 'developer' });
    const labels = { batch: 'shared' };
    const theirs = await open.service.create(alice, { labels });
    const mine = await open.service.create(bob, { labels });
    await open.store.shares.put({
      ...{ tenant: alice.tenant, sandboxId: theirs.row.id, subject: 'bob', access: 'read' },
      ...{ createdBy: 'alice', createdAt: 1 },
    });
    const gone = await open.service.destroyMany(bob, { labels });
    expect(gone).toMatchObject([{ id: mine.row.id, state: 'TERMINATED' }]);
    expect(await open.service.get(alice, theirs.row.id)).toMatchObject({ state: 'READY' });
    await open.service.destroy(alice, theirs.row.id);
  });
});

describe('a create that is asked for again by its key', () => {
  let open: OpenService;
  beforeAll(async () => {
    open = await openService(await newStateDir());
  });
  afterAll(() => open?.end());
  const key = async (name: string, id: string): Promise<void> => {
    // As an earlier start of the server left it: the record of a call that nobody is doing any more.
    const first = await open.service.create(alice, { idempotencyKey: name });
    await open.service.destroy(alice, first.row.id);
    await open.store.idempotency.complete(
      alice.tenant,
      'createSandbox',
      JSON.stringify([alice.subject, name]),
      id,
    );
  };

  it('is answered when the sandbox is ready', async () => {
    const row = sandbox({ tenant: alice.tenant, state: 'CREATING', createdBy: alice.subject });
    await open.store.sandboxes.insert(row);
    await key('slow', row.id);
    const again = open.service.create(alice, { idempotencyKey: 'slow' });
    await sleep(200);
    await open.store.sandboxes.update(row.tenant, row.id, { state: 'READY', readyAt: 5 });
    expect(await again).toMatchObject({ replayed: true, row: { id: row.id, state: 'READY' } });
    await open.store.sandboxes.update(row.tenant, row.id, { state: 'TERMINATED', endedAt: 6 });
  });

  it('makes one when the first was never ready and is lost', async () => {
    const row = sandbox({ tenant: alice.tenant, state: 'TERMINATED', createdBy: alice.subject });
    await open.store.sandboxes.insert({
      ...row,
      ...{ readyAt: null, endedAt: 5, terminationReason: 'LOST' },
    });
    await key('lost', row.id);
    const { row: made, replayed } = await open.service.create(alice, { idempotencyKey: 'lost' });
    expect(replayed).toBe(false);
    expect(made).toMatchObject({ state: 'READY' });
    expect(made.id).not.toBe(row.id);
  });
});
