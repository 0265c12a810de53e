import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { sandbox } from '../conformance/rows.ts';
import {
  alice,
  deployment,
  newStateDir,
  type OpenService,
  openService,
} from '../helpers/sandbox-service.ts';
import { createSharedVendor, plantSandbox, vendorLog } from '../helpers/shared-vendor.ts';

describe('a sandbox that is wanted and unwanted at once', () => {
  let open: OpenService;
  beforeAll(async () => {
    open = await openService(await newStateDir());
  });
  afterAll(() => open?.end());

  const creating = async (label: string): Promise<string> => {
    for (;;) {
      const [row] = await open.service.page(
        alice,
        { states: ['CREATING'], labels: { label } },
        'createdAt',
        { limit: 1, descending: true },
      );
      if (row) return row.id;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

  it('ends by its user when it is destroyed while it is created, and leaves nothing', async () => {
    const create = open.service.create(alice, { labels: { label: 'race' } });
    const refused = expect(create).rejects.toMatchObject({ code: 'TERMINATED' });
    const id = await creating('race');
    expect(await open.service.destroy(alice, id)).toMatchObject({
      state: 'TERMINATED',
      terminationReason: 'USER',
    });
    await refused;
    expect(await open.provider.list()).toEqual([]);
    const kinds = (await open.told(id, ['sandbox-destroyed', 'sandbox-failed'])).map(
      ({ kind }) => kind,
    );
    expect(kinds).toEqual(['sandbox-created', 'sandbox-destroyed']);
  });

  it('is destroyed once however many ask', async () => {
    const { row } = await open.service.create(alice, {});
    const ends = await Promise.all(
      Array.from({ length: 20 }, () => open.service.destroy(alice, row.id)),
    );
    expect(new Set(ends.map(({ state }) => state))).toEqual(new Set(['TERMINATED']));
    expect(await open.service.destroy(alice, row.id)).toMatchObject({ state: 'TERMINATED' });
    expect(await open.provider.list()).toEqual([]);
  });

  it('is destroyed once at its vendor, and told of once, however many ask', async () => {
    const folder = await newStateDir();
    const vendors = [createSharedVendor(folder, deployment)];
    const shared = await openService(await newStateDir(), { vendors });
    const { row } = await shared.service.create(alice, {});
    await Promise.all(Array.from({ length: 20 }, () => shared.service.destroy(alice, row.id)));
    expect(vendorLog(folder).filter(({ what }) => what === 'destroyed')).toHaveLength(1);
    const events = await shared.store.sandboxEvents.after('acme', 0, 100);
    expect(events.map(({ kind }) => kind)).toEqual([
      'sandbox-created',
      'sandbox-ready',
      'sandbox-destroyed',
    ]);
    await shared.end();
  });

  it('keeps its connection when an earlier one, which was let go, fails late', async () => {
    const folder = await newStateDir();
    const vendor = createSharedVendor(folder, deployment);
    const first = Promise.withResolvers<never>();
    const begun = Promise.withResolvers<void>();
    let asked = 0;
    const connect: typeof vendor.connect = (...facts) => {
      asked += 1;
      begun.resolve();
      return asked === 1 ? first.promise : vendor.connect(...facts);
    };
    const shared = await openService(await newStateDir(), { vendors: [{ ...vendor, connect }] });
    const made = sandbox({ provider: 'shared' });
    const row = { ...made, ref: plantSandbox(folder, made.id, deployment) };
    const early = expect(shared.pool.handle(row)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await begun.promise;
    shared.pool.forget(row.id);
    const handle = await shared.pool.handle(row);
    first.reject(new AppError('NOT_FOUND', 'There is no such sandbox.'));
    await early;
    await new Promise((resolve) => setImmediate(resolve));
    expect(await shared.pool.handle(row)).toBe(handle);
    expect(asked).toBe(2);
    await shared.end();
  });

  it('cannot be extended, used or measured after its end', async () => {
    const { row } = await open.service.create(alice, {});
    await open.service.destroy(alice, row.id);
    for (const call of [
      () => open.service.extend(alice, row.id, 60),
      () => open.service.access.open(alice, row.id, 'write'),
      () => open.service.usage(alice, row.id),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'TERMINATED' });
  });

  it('tells its end with the labels it had then', async () => {
    const { row } = await open.service.create(alice, { labels: { stage: 'old' } });
    await open.service.setLabels(alice, row.id, { stage: 'new' });
    const { handle } = await open.service.access.open(alice, row.id, 'write');
    const killer = await handle.spawn({
      id: 'prc_killer',
      argv: ['sh', '-c', 'sleep 0.2; kill -9 2'],
      env: {},
    });
    expect(await killer.exit).toMatchObject({ kind: 'LOST' });
    const end = (await open.told(row.id, ['sandbox-destroyed'])).at(-1);
    expect(end).toMatchObject({ reason: 'LOST', labels: { stage: 'new' } });
  });

  it('belongs to its tenant: for another it is not there', async () => {
    const { row } = await open.service.create(alice, {});
    const bob = { ...alice, tenant: 'other' };
    await expect(open.service.get(bob, row.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(open.service.destroy(bob, row.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await open.service.getMany(bob, [row.id])).toEqual([null]);
    expect(await open.service.get(alice, row.id)).toMatchObject({ state: 'READY' });
  });

  it.each([
    ['a label named __proto__', { labels: Object.fromEntries([['__proto__', 'x']]) }],
    ['a variable named __proto__', { env: Object.fromEntries([['__proto__', 'x']]) }],
    [
      '65 labels',
      { labels: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`k${n}`, ''])) },
    ],
    [
      '257 variables',
      { env: Object.fromEntries(Array.from({ length: 257 }, (_, n) => [`K${n}`, ''])) },
    ],
    ['more than 64 KiB of variables', { env: { A: 'é'.repeat(20_000), B: 'é'.repeat(20_000) } }],
    ['a NUL in a variable', { env: { A: '\0' } }],
    ['half a surrogate pair in a label', { labels: { a: '\ud800' } }],
    ['a key of 256 characters', { idempotencyKey: 'k'.repeat(256) }],
    ['more cores than anything has', { cpus: 1e9 }],
  ])('refuses %s and makes nothing', async (_, input) => {
    const before = await open.service.count(alice, {});
    await expect(open.service.create(alice, input)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(await open.service.count(alice, {})).toBe(before);
  });

  it('keeps every sandbox when the filter of a mass destroy is empty or names nothing', async () => {
    const { row } = await open.service.create(alice, {});
    for (const filter of [{}, { states: [] }, { labels: {} }])
      await expect(open.service.destroyMany(alice, filter)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    await open.service.destroyMany(alice, { providers: ['local'], states: [] });
    expect(await open.service.get(alice, row.id)).toMatchObject({ state: 'READY' });
  });
});
