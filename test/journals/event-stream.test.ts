import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCursors } from '../../src/journal/cursor.ts';
import { createEventStream } from '../../src/journal/event-stream.ts';
import { newId } from '../../src/lib/ids.ts';
import { createSealer } from '../../src/lib/sealed.ts';
import { createSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import type { UsageEventBody, UsageEventLog } from '../../src/store/types/usage-event.ts';

type Told = { amount: number; cursor: string };
const sealer = createSealer('a secret of these tests');
const cursors = createCursors('a secret of these tests');
const event = (amount: number, at = 1_000): UsageEventBody & { at: number } => ({
  kind: 'usage-recorded',
  at,
  meta: { subject: 'ann', sandboxId: 'sbx_1', metric: 'cpuSeconds', amount },
});

describe('a stream of events from the store', () => {
  let dir = '';
  let here: Store;
  let there: Store;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sandbank-events-'));
    const file = join(dir, 'db');
    here = await createSqliteStore({ file, sealer });
    there = await createSqliteStore({ file, sealer });
  });
  afterAll(async () => {
    await here.dispose();
    await there.dispose();
    await rm(dir, { recursive: true, force: true });
  });

  /** A stream of this server that counts what it asks the database for. */
  const openStream = (topic = 'usage') => {
    const asked = { pages: 0, polls: 0 };
    const log: UsageEventLog = {
      ...here.usageEvents,
      after(...page) {
        asked.pages += 1;
        return here.usageEvents.after(...page);
      },
      latest(tenants) {
        asked.polls += 1;
        return here.usageEvents.latest(tenants);
      },
    };
    const errors: unknown[] = [];
    const stream = createEventStream({
      ...{ log, topic, cursors, advice: 'Begin anew.', onError: (error) => errors.push(error) },
      toEvent: ({ meta }, cursor): Told => ({ amount: 'amount' in meta ? meta.amount : 0, cursor }),
    });
    return { stream, asked, errors };
  };
  type Stream = ReturnType<typeof openStream>['stream'];
  const take = async (stream: Stream, tenant: string, after: string | null, count: number) => {
    const stop = new AbortController();
    const found: Told[] = [];
    for await (const batch of await stream.read(tenant, after, stop.signal)) {
      found.push(...batch);
      if (found.length >= count) stop.abort();
    }
    return found;
  };
  const amounts = (told: readonly Told[]): number[] => told.map(({ amount }) => amount);
  const range = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index);

  it('replays, then goes on live with no seam, from any cursor', async () => {
    const { stream } = openStream();
    const tenant = newId('req');
    await here.usageEvents.append(
      tenant,
      range(1, 250).map((one) => event(one)),
    );
    const reading = take(stream, tenant, null, 260);
    for (const one of range(251, 260)) await here.usageEvents.append(tenant, [event(one)]);
    const told = await reading;
    expect(amounts(told)).toEqual(range(1, 260));
    for (const place of [1, 99, 100, 249, 250, 255]) {
      const rest = await take(stream, tenant, told[place - 1]?.cursor ?? '', 260 - place);
      expect(amounts(rest)).toEqual(range(place + 1, 260));
    }
    stream.dispose();
  });

  it('delivers what another server wrote', async () => {
    const { stream } = openStream();
    const tenant = newId('req');
    const reading = take(stream, tenant, null, 3);
    for (const one of [1, 2, 3]) {
      await sleep(20);
      await there.usageEvents.append(tenant, [event(one)]);
    }
    expect(amounts(await reading)).toEqual([1, 2, 3]);
    stream.dispose();
  });

  it('asks the database once for all followers of a tenant, and not at all when nobody follows', async () => {
    const { stream, asked } = openStream();
    const tenant = newId('req');
    const followers = Array.from({ length: 1_000 }, () => take(stream, tenant, null, 20));
    await sleep(100);
    for (const one of range(1, 20)) {
      const writer = one % 2 ? here : there;
      await writer.usageEvents.append(tenant, [event(one)]);
      await sleep(5);
    }
    for (const told of await Promise.all(followers)) expect(amounts(told)).toEqual(range(1, 20));
    expect(asked.pages).toBeLessThan(100);
    const { polls } = asked;
    await sleep(1_200);
    expect(asked.polls).toBe(polls);
    stream.dispose();
  });

  it('gives all followers the same objects', async () => {
    const { stream } = openStream();
    const tenant = newId('req');
    const both = [take(stream, tenant, null, 2), take(stream, tenant, null, 2)];
    await sleep(50);
    await here.usageEvents.append(tenant, [event(1), event(2)]);
    const [one, two] = await Promise.all(both);
    expect(one?.map((told, index) => told === two?.[index])).toEqual([true, true]);
    stream.dispose();
  });

  it('refuses cursors of others, and ends at once when it is let go', async () => {
    const { stream } = openStream();
    const other = openStream('another').stream;
    const tenant = newId('req');
    await here.usageEvents.append(tenant, [event(1)]);
    const [first] = await take(stream, tenant, null, 1);
    const { signal } = new AbortController();
    const read = (from: Stream, whose: string, cursor: string) => from.read(whose, cursor, signal);
    const bad = { code: 'BAD_CURSOR' };
    await expect(read(other, tenant, first?.cursor ?? '')).rejects.toMatchObject(bad);
    await expect(read(stream, newId('req'), first?.cursor ?? '')).rejects.toMatchObject(bad);
    const ahead = cursors.encode(tenant, 'usage', 9);
    await expect(read(stream, tenant, ahead)).rejects.toMatchObject(bad);
    const reader = await read(stream, tenant, first?.cursor ?? '');
    const next = reader.next();
    await reader.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
    for (const one of [stream, other]) one.dispose();
  });

  it('tells a reader that falls behind retention, with a cursor to go on from', async () => {
    const { stream, errors } = openStream();
    const tenant = newId('req');
    await here.usageEvents.append(
      tenant,
      range(1, 300).map((one) => event(one, one)),
    );
    const { signal } = new AbortController();
    const slow = await stream.read(tenant, null, signal);
    const { value } = await slow.next();
    expect(amounts(value)).toEqual(range(1, 100));
    while ((await there.usageEvents.purge(200, 500)) > 0);
    const failure = await slow.next().catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'CURSOR_EXPIRED',
      message: expect.stringMatching(/Begin anew\.$/),
    });
    const { earliest } = (failure as { details: { earliest: string } }).details;
    expect(amounts(await take(stream, tenant, earliest, 101))).toEqual(range(200, 300));
    await expect(stream.read(tenant, value.at(0).cursor, signal)).rejects.toMatchObject({
      code: 'CURSOR_EXPIRED',
      details: { earliest },
    });
    expect(errors).toEqual([]);
    stream.dispose();
  });
});
