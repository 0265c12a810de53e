import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, ask, mutate, newSandbox, post, transports } from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const LIST = '{ sandboxes(first: 100) { edges { node { id state } } } }';

describe('rate limits', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({
      SANDBANK_WARM_SANDBOXES: '2',
      SANDBANK_AUTH_FAILURES_PER_MINUTE: '5',
    });
  });
  afterAll(() => server?.stop());

  const raw = (query: string, token: string, headers: Record<string, string> = {}) =>
    fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
      body: JSON.stringify({ query }),
    });

  it('give each tier its executions: ten for free, a hundred for pro', async () => {
    for (const [plan, executions] of [
      ['free', 10],
      ['pro', 100],
    ] as const) {
      const token = server.token({ tenant: `tier-${plan}`, plan });
      const sandboxId = await newSandbox(server, {}, token);
      const run = () => mutate(server, 'exec', 'exitCode', { sandboxId, command: 'true' }, token);
      // The sandbox was one.
      for (let call = 1; call < executions; call += 1) expect((await run()).exitCode).toBe(0);
      expect(await run()).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
      const { rateLimit } = await ask(
        ...[server, '{ rateLimit(class: EXECUTIONS) { limit cost remaining resetAt } }', {}, token],
      );
      expect(rateLimit).toMatchObject({ limit: executions, cost: 0, remaining: 0 });
      expect(Date.parse(rateLimit.resetAt)).toBeGreaterThan(Date.now());
      // Files and reads have points of their own.
      const file = { sandboxId, file: { path: 'f', text: 'x' } };
      expect((await mutate(server, 'writeFile', 'file { path }', file, token)).file).toBeTruthy();
    }
  }, 60_000);

  it('cost what an operation costs, and say so in it, beside it and in headers', async () => {
    const token = server.token({ tenant: 'cost', plan: 'free' });
    const response = await raw(
      `{ rateLimit { class limit cost remaining } a: sandboxes(first: 50) { edges { node { id } } } }`,
      token,
    );
    const { data, extensions } = (await response.json()) as Answer & {
      extensions: { cost: Record<string, number> };
    };
    const { cost } = extensions;
    expect(cost.requested).toBeGreaterThan(50);
    expect(data.rateLimit).toEqual({
      ...{ class: 'READS', limit: 20_000, cost: cost.requested },
      remaining: 20_000 - (cost.requested ?? 0),
    });
    expect(cost).toMatchObject({ limit: 20_000, remaining: data.rateLimit.remaining });
    expect(response.headers.get('ratelimit-limit')).toBe('20000');
    expect(response.headers.get('ratelimit-remaining')).toBe(String(cost.remaining));
    expect(Number(response.headers.get('ratelimit-reset'))).toBeGreaterThan(0);
  });

  it('are the same on every way in: 429 with Retry-After over HTTP, a code over all', async () => {
    const token = server.token({ tenant: 'reads', plan: 'free' });
    for (let call = 0; ; call += 1) {
      const response = await raw(LIST, token);
      if (response.status === 429) {
        const retryAfter = Number(response.headers.get('retry-after'));
        expect(retryAfter).toBeGreaterThan(0);
        const { errors } = (await response.json()) as Answer;
        const { code, retryAfterMs } = errors?.[0]?.extensions ?? { code: 'none' };
        expect([code, Math.ceil((retryAfterMs ?? 0) / 1_000)]).toEqual([
          'RATE_LIMITED',
          retryAfter,
        ]);
        break;
      }
      expect(response.status).toBe(200);
      expect(call).toBeLessThan(1_000);
    }
    // Another operation may still fit; this one does not, whatever carries it.
    const get = await fetch(`${server.url}/graphql?query=${encodeURIComponent(LIST)}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect([get.status, get.headers.has('retry-after')]).toEqual([429, true]);
    const { auditLog } = await ask(
      server,
      '{ auditLog(first: 10, filter: { tenant: "reads" }) { edges { node { action outcome code } } } }',
      {},
      server.token({ role: 'platform' }),
    );
    // One row stands for all refusals of a window.
    expect(auditLog.edges).toEqual([
      { node: { action: 'operation', outcome: 'DENIED', code: 'RATE_LIMITED' } },
    ]);
    for (const { subscribe } of transports) {
      const answers = await Array.fromAsync(subscribe(server, LIST, {}, token)).catch((errors) => [
        { errors },
      ]);
      expect(answers[0]?.errors?.[0]?.extensions.code).toBe('RATE_LIMITED');
    }
  });

  it('hold failed authentication per address, and never a good token', async () => {
    const good = server.token();
    const statuses = [];
    for (let call = 0; call < 8; call += 1)
      statuses.push((await raw('{ __typename }', 'junk')).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    const nobody = await post(server, '{ viewer { subject } }', {}, null);
    expect([nobody.status, nobody.errors?.[0]?.extensions.code]).toEqual([429, 'RATE_LIMITED']);
    expect((await raw('{ __typename }', good)).status).toBe(200);
    // Each refusal has its row, up to the limit; one row stands for the rest.
    const platform = server.token({ role: 'platform' });
    const { auditLog } = await ask(
      server,
      '{ auditLog(first: 50, filter: { tenant: "" }) { edges { node { action outcome code address } } } }',
      {},
      platform,
    );
    const codes = auditLog.edges.map(({ node }: { node: { code: string } }) => node.code);
    expect(codes).toEqual(['RATE_LIMITED', ...Array(5).fill('UNAUTHENTICATED')]);
  });
});
