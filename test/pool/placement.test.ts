import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { judge } from '../../src/pool/reaper.ts';
import type { Deadlines } from '../../src/providers/complete/deadlines.ts';
import type { Provider } from '../../src/providers/types/provider.ts';
import { sandbox } from '../conformance/rows.ts';
import {
  alice,
  deployment,
  newStateDir,
  type OpenService,
  openService,
} from '../helpers/sandbox-service.ts';
import { createSharedVendor, vendorLog, vendorRefs } from '../helpers/shared-vendor.ts';

const never = (): Promise<never> => new Promise(() => undefined);

describe('placement over several providers', () => {
  const opened: OpenService[] = [];
  afterAll(async () => {
    for (const one of opened) await one.end();
  });

  /** A service whose first providers are these, and whose last one works. */
  const openWith = async (deadlines: Partial<Deadlines>, changes: readonly Partial<Provider>[]) => {
    const stateDir = await newStateDir();
    const folder = await newStateDir();
    const vendors = [...changes, {}].map((change, index) => ({
      ...createSharedVendor(folder, deployment, `p${index}`),
      ...change,
    }));
    const service = await openService(stateDir, { vendors, deadlines });
    opened.push(service);
    return { ...service, folder };
  };
  const open = (...changes: Partial<Provider>[]) => openWith({ create: 300, health: 300 }, changes);
  const placementOf = async ({ service }: OpenService, id: string) =>
    (await service.get(alice, id)).placement;

  it('makes a sandbox where its template is, and refuses one that is nowhere', async () => {
    const one = await open({}, { templates: ['default', 'node'] });
    const { row } = await one.service.create(alice, { template: 'node' });
    expect(row).toMatchObject({ provider: 'p1', template: 'node' });
    expect((await placementOf(one, row.id))?.candidates).toContainEqual({
      provider: 'p0',
      reason: 'it has no template "node", only default',
    });
    await expect(one.service.create(alice, { template: 'ruby' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'There is no template "ruby". There is: default, node.',
    });
    await expect(
      one.service.create(alice, { template: 'node', provider: 'p0' }),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'There is no template "node". There is: default.',
    });
  });

  it('waits for no provider whose health hangs or throws', async () => {
    const hangs = { health: never, create: never };
    const throws = {
      health: async () => {
        throw new Error('broken');
      },
    };
    // Far longer than the test may take: nothing is known of the health of the first one.
    const patient = await openWith({ create: 300, health: 600_000 }, [hangs]);
    const first = await patient.service.create(alice, { provider: 'p1' });
    expect(first.row).toMatchObject({ state: 'READY', provider: 'p1' });
    const one = await open(hangs, throws);
    const health = await Promise.all(one.pool.providers().map((each) => one.pool.health(each)));
    expect(health.map(({ status }) => status)).toEqual(['unavailable', 'unavailable', 'healthy']);
    const { row } = await one.service.create(alice, {});
    expect(row).toMatchObject({ state: 'READY', provider: 'p2' });
    expect(await placementOf(one, row.id)).toMatchObject({
      candidates: [
        { provider: 'p2', reason: null },
        { provider: 'p0', reason: expect.stringContaining('0.3') },
        { provider: 'p1', reason: expect.any(String) },
      ],
      attempts: [{ provider: 'p2', error: null }],
    });
  });

  it('goes on to the next one when a provider is away, full, slow or broken, and stores why', async () => {
    const fail = (error: Error) => ({
      create: async () => {
        throw error;
      },
    });
    const one = await open(
      fail(new AppError('UNAVAILABLE', 'It is away.')),
      fail(new AppError('QUOTA_EXCEEDED', 'The account is full.')),
      fail(new Error('secret internals')),
      { create: never },
    );
    const { row } = await one.service.create(alice, {});
    expect(row).toMatchObject({ state: 'READY', provider: 'p4' });
    const placement = (await placementOf(one, row.id)) as { attempts: object[] };
    expect(placement.attempts).toMatchObject([
      { provider: 'p0', error: 'It is away.' },
      { provider: 'p1', error: 'The account is full.' },
      { provider: 'p2' },
      { provider: 'p3', error: expect.stringContaining('0.3 s') },
      { provider: 'p4', error: null },
    ]);
    expect(JSON.stringify(placement)).not.toContain('secret internals');
  });

  it('asks no other provider when the request itself is wrong', async () => {
    const one = await open({
      create: async () => {
        throw new AppError('INVALID_ARGUMENT', 'There is no such image.');
      },
    });
    await expect(one.service.create(alice, {})).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(vendorLog(one.folder)).toEqual([]);
    const [row] = await one.service.page(alice, {}, 'createdAt', { limit: 1, descending: true });
    expect(row).toMatchObject({ state: 'FAILED', terminationReason: 'CREATE_FAILED' });
    expect(row?.placement).toMatchObject({
      attempts: [{ provider: 'p0', error: 'There is no such image.' }],
    });
  });

  it('has the intent in the store before a provider is asked', async () => {
    let seen: unknown;
    const one: OpenService & { folder: string } = await open({
      create: async ({ id }) => {
        seen = await one.store.sandboxes.find('acme', id);
        throw new AppError('UNAVAILABLE', 'It is away.');
      },
    });
    const { row } = await one.service.create(alice, {});
    expect(seen).toMatchObject({ state: 'CREATING', provider: 'p0', ref: null });
    expect(row.provider).toBe('p1');
  });

  it('destroys what a provider made after it was given up', async () => {
    let answer = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const one: OpenService & { folder: string } = await open({
      async create(spec, signal) {
        await late;
        return createSharedVendor(one.folder, deployment, 'p0').create(spec, signal);
      },
    });
    const { row } = await one.service.create(alice, {});
    expect(row.provider).toBe('p1');
    answer();
    await expect
      .poll(() => vendorLog(one.folder).filter(({ what }) => what === 'destroyed'), {
        timeout: 20_000,
      })
      .toHaveLength(1);
    expect(vendorRefs(one.folder)).toEqual([`p1-${row.id}`]);
  });
});

describe('the judgement of the reaper', () => {
  let listed: Parameters<typeof judge>[0];
  beforeAll(() => {
    listed = {
      ...{ ref: 'r1', id: 'sbx_1', deployment },
      ...{ createdAt: null, expiresAt: null, state: 'running' },
    };
  });
  it.each([
    ['keeps what lives', sandbox({ ref: 'r1' }), 'keep'],
    ['keeps what is being made', sandbox({ state: 'CREATING' }), 'keep'],
    ['keeps what its owner destroys', sandbox({ ref: 'r1', state: 'DESTROYING' }), 'keep'],
    ['destroys what has ended', sandbox({ ref: 'r1', state: 'FAILED', endedAt: 1 }), 'destroy'],
    ['destroys another one of the same row', sandbox({ ref: 'r2' }), 'destroy'],
    [
      'destroys one at another provider than its row',
      sandbox({ ref: 'r1', provider: 'x' }),
      'destroy',
    ],
    ['reports what no row tells of', null, 'unknown'],
  ] as const)('%s', (_, row, verdict) => {
    expect(judge(listed, 'local', row)).toBe(verdict);
  });
});
