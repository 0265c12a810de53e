import { expect } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import type { Sandbox } from '../../src/store/types/sandbox.ts';
import type { SandboxEventKind } from '../../src/store/types/sandbox-event.ts';

const all = { limit: 100_000, descending: false };
const always = { from: 0, to: 2 ** 50 };

/** What was told of a sandbox in each state, whatever happened to its server. */
const stories: Record<Sandbox['state'], readonly SandboxEventKind[][]> = {
  QUEUED: [['sandbox-queued']],
  CREATING: [['sandbox-created']],
  READY: [['sandbox-created', 'sandbox-ready']],
  DESTROYING: [['sandbox-created'], ['sandbox-created', 'sandbox-ready']],
  TERMINATED: [
    ['sandbox-created', 'sandbox-destroyed'],
    ['sandbox-created', 'sandbox-ready', 'sandbox-destroyed'],
  ],
  FAILED: [
    ['sandbox-created', 'sandbox-failed'],
    ['sandbox-created', 'sandbox-ready', 'sandbox-failed'],
  ],
};

const sum = (amounts: readonly number[]): number => amounts.reduce((total, one) => total + one, 0);

/** State, events and usage of a tenant's sandboxes say the same. Returns the rows. */
export const expectAgreement = async (store: Store, tenant: string): Promise<Sandbox[]> => {
  const rows = await store.sandboxes.page(tenant, {}, 'createdAt', all);
  const events = await store.sandboxEvents.after(tenant, 0, 100_000);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(new Set(events.map(({ meta }) => meta.sandboxId))).toEqual(
    new Set(rows.map(({ id }) => id)),
  );
  const told = await store.usageEvents.after(tenant, 0, 100_000);
  for (const row of rows) {
    const own = events.filter(({ meta }) => meta.sandboxId === row.id);
    const kinds = own.map(({ kind }) => kind);
    expect(stories[row.state], `${row.state}: ${kinds}`).toContainEqual(kinds);
    expect(row.endedAt === null).toBe(!/destroyed|failed/.test(`${kinds.at(-1)}`));
    if (row.endedAt !== null)
      expect(own.at(-1)).toMatchObject({
        at: row.endedAt,
        meta: { labels: row.labels, reason: row.terminationReason },
      });
    expect(await store.sandboxes.count(tenant, { ids: [row.id], labels: row.labels })).toBe(1);

    const used = await store.usage.sums(tenant, { ...always, sandboxId: row.id }, 'metric');
    const amount = (metric: string) => used.find((one) => one.metric === metric)?.amount ?? 0;
    const life = row.readyAt === null ? 0 : (row.bookedAt ?? 0) - row.readyAt;
    expect(amount('sandboxSeconds')).toBeCloseTo(life / 1_000, 6);
    expect(amount('executions')).toBe(await store.processes.count(tenant, row.id, {}));
    for (const { metric, amount: booked } of used) {
      const facts = told.flatMap(({ kind, meta }) =>
        kind === 'usage-recorded' && meta.sandboxId === row.id && meta.metric === metric
          ? [meta.amount]
          : [],
      );
      expect(sum(facts)).toBeCloseTo(booked, 6);
      if (metric === 'sandboxSeconds')
        expect(
          await store.usage.used({ metric, tenant, subject: null, since: 0 }),
        ).toBeGreaterThanOrEqual(booked);
    }
  }
  return rows;
};
