import { randomUUID } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLimiterStore } from '../../src/limits/limiter-store.ts';
import type { Plan } from '../../src/limits/plans.ts';
import { createRateLimits, type RateLimits } from '../../src/limits/rate-limits.ts';
import { principal } from '../helpers/principal.ts';
import { serviceUrl } from '../helpers/services.ts';

const url = serviceUrl('SANDBANK_TEST_REDIS_URL');
const log = pino({ level: 'silent' });
const seconds = 60;
const plans: Record<string, Plan> = {
  test: {
    quotas: [],
    rates: {
      executions: { points: 10, tenantPoints: 15, seconds },
      reads: { points: 100, tenantPoints: 1_000, seconds },
    },
  },
};
const caller = (subject: string, tenant: string) => principal({ subject, tenant, plan: 'test' });
const limited = { code: 'RATE_LIMITED', retryable: true };

const suites = [
  { name: 'in this process', store: undefined },
  { name: 'in Redis', store: url },
];

describe.each(suites)('rate limits $name', ({ store }) => {
  let rates: RateLimits;
  let dispose: () => Promise<void>;
  beforeAll(async () => {
    const { makeLimiter, ...rest } = await openLimiterStore(store, log);
    ({ dispose } = rest);
    rates = createRateLimits({ plans, makeLimiter, log });
  });
  afterAll(() => dispose());
  const tenant = (): string => randomUUID();

  it('let a subject have its points and no more, also at once, and tell when to come again', async () => {
    const ann = caller('ann', tenant());
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, () => rates.consume(ann, 'executions', 1)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(10);
    const error = await rates.consume(ann, 'executions', 1).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ ...limited, details: { rateClass: 'executions' } });
    const { retryAfterMs } = error as { retryAfterMs: number };
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(seconds * 1_000);
  });

  it('let a tenant have its points, whoever of it asks; others are not touched', async () => {
    const name = tenant();
    const [ann, bob] = [caller('ann', name), caller('bob', name)];
    for (let call = 0; call < 10; call += 1) await rates.consume(ann, 'executions', 1);
    for (let call = 0; call < 5; call += 1) await rates.consume(bob, 'executions', 1);
    await expect(rates.consume(bob, 'executions', 1)).rejects.toMatchObject(limited);
    await rates.consume(caller('ann', tenant()), 'executions', 1);
    await rates.consume(ann, 'reads', 1);
  });

  it('take nothing from who is refused, and cost what a call costs', async () => {
    const ann = caller('ann', tenant());
    await rates.consume(ann, 'reads', 60);
    await expect(rates.consume(ann, 'reads', 60)).rejects.toMatchObject(limited);
    expect(await rates.state(ann, 'reads')).toMatchObject({ limit: 100, remaining: 40 });
    await rates.consume(ann, 'reads', 40);
    expect((await rates.state(ann, 'reads')).remaining).toBe(0);
  });

  it('are none where the plan has none', async () => {
    const free = principal({ plan: 'unlimited' });
    for (let call = 0; call < 100; call += 1) await rates.consume(free, 'executions', 1);
    expect(await rates.state(free, 'executions')).toMatchObject({ limit: null, remaining: null });
  });
});

describe('rate limits whose store goes away', () => {
  it('refuse what starts something, let the rest go on, and hold again when it is back', async () => {
    const { hostname, port } = new URL(url);
    const sockets = new Set<Socket>();
    let isUp = true;
    const between = createServer((socket) => {
      if (!isUp) return void socket.destroy();
      const upstream = connect(Number(port || 6379), hostname);
      for (const one of [socket, upstream]) {
        sockets.add(one);
        one.on('error', () => undefined).once('close', () => sockets.delete(one));
      }
      socket.pipe(upstream).pipe(socket);
    });
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
    const address = between.address() as AddressInfo;
    const through = new URL(url);
    through.host = `127.0.0.1:${address.port}`;
    const { makeLimiter, dispose } = await openLimiterStore(through.href, log);
    const rates = createRateLimits({ plans, makeLimiter, log });
    const ann = caller('ann', randomUUID());
    const start = () => rates.consume(ann, 'executions', 1);
    await expect.poll(() => start().then(() => 'ok'), { timeout: 5_000 }).toBe('ok');
    isUp = false;
    for (const socket of sockets) socket.destroy();
    await expect(start()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    await rates.consume(ann, 'reads', 1);
    await rates.consume(ann, 'files', 1);
    isUp = true;
    const again = () =>
      start().then(
        () => 'ok',
        () => 'refused',
      );
    await expect.poll(again, { timeout: 10_000 }).toBe('ok');
    await dispose();
    between.close();
    for (const socket of sockets) socket.destroy();
  }, 20_000);
});
