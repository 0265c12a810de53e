import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { createRetention, type Retention } from '../../src/pool/retention.ts';
import { child, sandbox } from '../conformance/rows.ts';
import { alice, newStateDir, openService } from '../helpers/sandbox-service.ts';

const DAY = 86_400_000;
const OLD = 1_200;

describe('retention of rows and their events', async () => {
  const open = await openService(await newStateDir());
  let retention: Retention | null = null;
  afterAll(async () => {
    await retention?.dispose();
    await open.end();
  });
  const first = async (after: string | null) => {
    const stop = new AbortController();
    for await (const event of await open.service.events(alice, {}, after, stop.signal)) {
      stop.abort();
      return event;
    }
    return null;
  };

  it('removes in batches what is old, while rows are made and read; a cursor before says CURSOR_EXPIRED and where to go on', async () => {
    const { store } = open;
    const { tenant } = alice;
    const at = Date.now() - 31 * DAY;
    const rows = Array.from({ length: OLD }, () =>
      sandbox({ tenant, state: 'TERMINATED', createdAt: at, endedAt: at, labels: { a: '1' } }),
    );
    for (const row of rows) {
      await store.sandboxes.insert(row, { event: { kind: 'sandbox-destroyed', at } });
      await store.processes.insert(child(row.id, { tenant, state: 'LOST', endedAt: at }));
    }
    const before = await first(null);
    expect(before?.cursor).toBeDefined();

    retention = createRetention({
      ...{ store, retentionMs: 30 * DAY, roundMs: 50, clock: Date.now },
      log: pino({ level: 'silent' }),
    });
    const making = Promise.all([1, 2, 3].map(() => open.service.create(alice, {})));
    const left = new Set<number>();
    while (!left.has(0)) {
      left.add(await store.sandboxes.count(tenant, { states: ['TERMINATED'] }));
      await sleep(1);
    }
    const made = (await making).map(({ row }) => row.id);
    // Not all at once: something was seen between the first and the last batch.
    expect(left.size).toBeGreaterThan(2);
    expect(await store.sandboxes.findMany(tenant, made)).toMatchObject(
      made.map((id) => ({ id, state: 'READY' })),
    );
    expect(await store.processes.findMany(tenant, [rows[0]?.id ?? ''])).toEqual([null]);

    const expired = await first(before?.cursor ?? '').catch((error: unknown) => error);
    expect(expired).toMatchObject({ code: 'CURSOR_EXPIRED' });
    const { earliest } = (expired as { details: { earliest: string } }).details;
    const next = await first(earliest);
    expect(next).toMatchObject({ kind: 'sandbox-created' });
    expect(made).toContain(next && 'sandboxId' in next ? next.sandboxId : null);
    expect(await first(null)).toEqual(next);
  });
});
