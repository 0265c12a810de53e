import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { createIdempotency } from '../../src/idempotency/idempotency.ts';
import { alice, newStateDir, type OpenService, openService } from '../helpers/sandbox-service.ts';

describe('an idempotency key', () => {
  let open: OpenService;
  beforeAll(async () => {
    open = await openService(await newStateDir());
  });
  afterAll(() => open?.end());

  it('makes one sandbox for 100 calls at once, and says which of them made it', async () => {
    const made = await Promise.all(
      Array.from({ length: 100 }, () => open.service.create(alice, { idempotencyKey: 'hundred' })),
    );
    expect(new Set(made.map(({ row }) => row.id)).size).toBe(1);
    expect(made.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(made.every(({ row }) => row.state === 'READY')).toBe(true);
    expect(await open.provider.list()).toHaveLength(1);
  });

  it('is the same request whatever the order in which labels and variables are given', async () => {
    const first = await open.service.create(alice, {
      idempotencyKey: 'order',
      labels: { a: '1', b: '2' },
      env: { A: '1', B: '2' },
    });
    const second = await open.service.create(alice, {
      env: { B: '2', A: '1' },
      labels: { b: '2', a: '1' },
      idempotencyKey: 'order',
    });
    expect(second).toMatchObject({ replayed: true, row: { id: first.row.id } });
  });

  it('refuses other parameters under the same key', async () => {
    await open.service.create(alice, { idempotencyKey: 'other' });
    await expect(
      open.service.create(alice, { idempotencyKey: 'other', labels: { a: '1' } }),
    ).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  it('finds what may have been done, and is free again after what was surely not', async () => {
    const runOnce = createIdempotency(open.store, Date.now);
    const call = (key: string) => ({
      ...{ tenant: alice.tenant, subject: alice.subject, operation: 'start', key },
      parameters: {},
    });
    const fail = (error: AppError) => async (claim: (id: string) => Promise<void>) => {
      await claim('prc_first');
      throw error;
    };
    const find = async (id: string) => ({ id });
    const again = async () => ({ id: 'prc_second' });

    const ambiguous = new AppError('UNAVAILABLE', 'It is not known whether it runs.', {
      ...{ retryable: false, details: { ambiguous: true } },
    });
    await expect(runOnce(call('maybe'), fail(ambiguous), find)).rejects.toBe(ambiguous);
    expect(await runOnce(call('maybe'), again, find)).toMatchObject({ row: { id: 'prc_first' } });

    const refused = new AppError('UNAVAILABLE', 'It was refused.');
    await expect(runOnce(call('surely'), fail(refused), find)).rejects.toBe(refused);
    expect(await runOnce(call('surely'), again, find)).toMatchObject({ row: { id: 'prc_second' } });
  });

  it('belongs to its tenant', async () => {
    const mine = await open.service.create(alice, { idempotencyKey: 'tenants' });
    const bob = { ...alice, subject: 'bob', tenant: 'other' };
    const theirs = await open.service.create(bob, { idempotencyKey: 'tenants' });
    expect(theirs.row.id).not.toBe(mine.row.id);
    await open.service.destroy(bob, theirs.row.id);
  });

  it('is free again after 24 hours', async () => {
    const first = await open.service.create(alice, {
      idempotencyKey: 'day',
      timeoutSeconds: 86_400,
    });
    open.skip(24 * 3_600_000 + 1_000);
    const second = await open.service.create(alice, {
      idempotencyKey: 'day',
      timeoutSeconds: 86_400,
    });
    expect(second.row.id).not.toBe(first.row.id);
  });
});
