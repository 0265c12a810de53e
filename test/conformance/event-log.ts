import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import type { Store } from '../../src/store/store.ts';
import { sandbox } from './rows.ts';

type Open = () => { store: Store; other: Store; place: string };

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const seqs = (events: readonly { seq: number }[]): number[] => events.map(({ seq }) => seq);
const created = { kind: 'sandbox-created', at: 1 } as const;

/** What every journal of rows owes its readers. */
export const testEventLog = (open: Open): void => {
  /** Three writers for each store; they let readers in, also where a database answers in the same turn of the event loop. */
  const insertMany = async (stores: readonly Store[], tenant: string, count: number) => {
    let left = count;
    const write = async ({ sandboxes }: Store): Promise<void> => {
      while (left-- > 0) {
        await sandboxes.insert(sandbox({ tenant }), { event: created });
        await sleep(1);
      }
    };
    await Promise.all(stores.flatMap((store) => [write(store), write(store), write(store)]));
  };

  it('numbers the events of a tenant without holes, and fills in none behind a reader, whoever writes at once', async () => {
    const { store, other } = open();
    const tenant = newId('req');
    const count = 120;
    const writing = insertMany([store, other], tenant, count);
    const seen: number[] = [];
    while (seen.length < count) {
      const events = await other.sandboxEvents.after(tenant, seen.at(-1) ?? 0, 7);
      seen.push(...seqs(events));
      if (events.length === 0) await sleep(1);
    }
    await writing;
    expect(seen).toEqual(numbers(count));
    expect(await store.sandboxEvents.range(tenant)).toEqual({ first: 1, last: count });
    expect(await other.sandboxEvents.latest([tenant, 'nobody'])).toEqual(
      new Map([[tenant, count]]),
    );
    expect(await store.sandboxEvents.range('nobody')).toEqual({ first: 1, last: 0 });
  });

  it('reads a page and its cursor in one snapshot: events after it tell exactly of what the page does not show', async () => {
    const { store, other } = open();
    const tenant = newId('req');
    const count = 60;
    expect(
      await store.sandboxes.pageWithCursor(tenant, {}, 'createdAt', { limit: 5, descending: true }),
    ).toEqual({ rows: [], seq: 0 });
    let isWriting = true;
    const writing = insertMany([store, other], tenant, count).then(() => {
      isWriting = false;
    });
    const page = { limit: 1_000, descending: false };
    let looks = 0;
    do {
      const { rows, seq } = await other.sandboxes.pageWithCursor(tenant, {}, 'createdAt', page);
      // Each row was written with one event.
      expect(rows).toHaveLength(seq);
      looks += 1;
      await sleep(1);
    } while (isWriting);
    await writing;
    expect(looks).toBeGreaterThan(1);
    const last = await store.sandboxes.pageWithCursor(
      tenant,
      { text: 'nothing like it' },
      'createdAt',
      page,
    );
    expect(last).toEqual({ rows: [], seq: count });
    const few = await store.sandboxes.pageWithCursor(tenant, {}, 'expiresAt', {
      limit: 3,
      descending: true,
    });
    expect(few.rows.map(({ id }) => id)).toEqual(
      few.rows
        .map(({ id }) => id)
        .sort()
        .reverse(),
    );
    expect(few.rows).toHaveLength(3);
  });

  it('wakes readers of this server after the commit, and lets them go', async () => {
    const { store } = open();
    const tenant = newId('req');
    const woken: Promise<number>[] = [];
    const stop = store.sandboxEvents.onAppended((one) => {
      if (one === tenant) woken.push(store.sandboxEvents.range(tenant).then(({ last }) => last));
    });
    await insertMany([store], tenant, 1);
    await store.sandboxes.insert(sandbox({ tenant }));
    stop();
    await insertMany([store], tenant, 1);
    expect(await Promise.all(woken)).toEqual([1]);
  });

  it('says what it no longer has, and what it never had', async () => {
    const { store, other } = open();
    const tenant = newId('req');
    const threshold = (at: number) => ({
      ...{ kind: 'threshold-reached' as const, at },
      meta: {
        ...{ metric: 'cpuSeconds' as const, window: 'day' as const, subject: null },
        ...{ limit: 10, used: 8, resetAt: null },
      },
    });
    const log = store.usageEvents;
    await log.append(tenant, [-50, -40, -30, -20, -10, 10].map(threshold));
    const purge = async (limit: number): Promise<number> => log.purge(0, limit);
    expect(await purge(2)).toBe(2);
    expect(seqs(await log.after(tenant, 2, 10))).toEqual([3, 4, 5, 6]);
    const expired = { code: 'CURSOR_EXPIRED', details: { earliest: 2 } };
    await expect(log.after(tenant, 1, 10)).rejects.toMatchObject(expired);
    await expect(log.after(tenant, 7, 10)).rejects.toMatchObject({ code: 'BAD_CURSOR' });
    // Two servers purge at once, and one goes on writing; who finds that the other was faster removes nothing.
    const removed = await Promise.all([
      ...numbers(4).flatMap(() => [purge(1), other.usageEvents.purge(0, 1)]),
      log.append(tenant, [threshold(11)]).then(() => 0),
    ]);
    let sum = removed.reduce((total, one) => total + one, 0);
    for (let more = await purge(1); more > 0; more = await purge(1)) sum += more;
    expect(sum).toBe(3);
    expect(await log.range(tenant)).toEqual({ first: 6, last: 7 });
    expect(await log.purge(100, 500)).toBeGreaterThan(0);
    while ((await log.purge(100, 500)) > 0);
    expect(await log.range(tenant)).toEqual({ first: 8, last: 7 });
    expect(await log.after(tenant, 7, 10)).toEqual([]);
    await expect(log.after(tenant, 6, 10)).rejects.toMatchObject({ code: 'CURSOR_EXPIRED' });
    await log.append(tenant, [threshold(101)]);
    expect(seqs(await log.after(tenant, 7, 10))).toEqual([8]);
  });

  it('has rows and events agree when a writer is killed in the midst', async () => {
    const { store, place } = open();
    const tenant = newId('req');
    const program = new URL('../helpers/write-events.ts', import.meta.url).pathname;
    for (let round = 0; round < 3; round += 1) {
      const writer = spawn(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', program, place, tenant],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      let written = 0;
      writer.stdout.on('data', (chunk: Buffer) => {
        written += chunk.length;
      });
      await expect.poll(() => written, { timeout: 20_000, interval: 5 }).toBeGreaterThan(10);
      await sleep(round * 7);
      writer.kill('SIGKILL');
      await once(writer, 'close');
    }
    const all = { limit: 100_000, descending: false };
    const rows = await store.sandboxes.page(tenant, {}, 'createdAt', all);
    const events = await store.sandboxEvents.after(tenant, 0, 100_000);
    expect(rows.length).toBeGreaterThan(3);
    expect(seqs(events)).toEqual(numbers(events.length));
    const kinds = Map.groupBy(events, ({ meta }) => meta.sandboxId);
    const used = await store.usage.sums(tenant, { from: 0, to: 2 ** 50 }, 'sandboxId');
    const told = await store.usageEvents.after(tenant, 0, 100_000);
    const ended = rows.filter(({ state }) => state === 'TERMINATED');
    for (const row of rows)
      expect(kinds.get(row.id)?.map(({ kind }) => kind)).toEqual(
        ended.includes(row) ? ['sandbox-created', 'sandbox-destroyed'] : ['sandbox-created'],
      );
    expect(used.map(({ key }) => key).sort()).toEqual(ended.map(({ id }) => id).sort());
    expect(told).toHaveLength(ended.length);
  });
};
