import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import { ask, mutate, newSandbox, overSse, overWebSocket, post } from '../helpers/client.ts';
import { createDatabase, type Database } from '../helpers/postgres.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { serviceUrl } from '../helpers/services.ts';

const SECRET = 'a secret that two servers of these tests share';

describe('two servers with one PostgreSQL and one Redis', () => {
  let database: Database;
  let one: TestServer;
  let two: TestServer;
  beforeAll(async () => {
    database = await createDatabase();
    const env = {
      SANDBANK_DATABASE_URL: database.url,
      SANDBANK_REDIS_URL: serviceUrl('SANDBANK_TEST_REDIS_URL'),
      SANDBANK_JWT_SECRET: SECRET,
    };
    one = await startServer(env);
    two = await startServer(env);
  });
  afterAll(async () => {
    await one?.stop();
    await two?.stop();
    await database?.drop();
  });

  it.each([
    ['WebSocket', overWebSocket],
    ['SSE', overSse],
  ])('end a stream of the one that was revoked at the other, over %s', async (_, subscribe) => {
    const token = one.token({ subject: `streamer-${subscribe.name}` });
    const stream = subscribe(one, 'subscription { sandboxEvents { cursor } }', {}, token);
    const last = (async () => {
      let code = 'none';
      try {
        for await (const { errors } of stream) code = errors?.[0]?.extensions.code ?? 'event';
      } catch {
        // The socket closes after the answer.
      }
      return code;
    })();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await mutate(
      two,
      'revokeTokens',
      'before',
      { subject: `streamer-${subscribe.name}` },
      two.token(),
    );
    expect(await last).toBe('TOKEN_REVOKED');
    expect((await post(one, '{ __typename }', {}, token)).errors?.[0]?.extensions.code).toBe(
      'TOKEN_REVOKED',
    );
  });

  it('tell of each other’s sandboxes and usage, and take each other’s cursors', async () => {
    const tenant = newId('req');
    const token = one.token({ tenant });
    two.token({ tenant });
    const follow = async (
      server: TestServer,
      field: 'usageUpdates' | 'sandboxEvents',
      after: string | null,
      last: string,
    ) => {
      type Told = { __typename: string; cursor: string };
      const query = `subscription ($after: Cursor) { event: ${field}(after: $after) { __typename cursor } }`;
      const told: Told[] = [];
      for await (const { data } of overWebSocket(server, query, { after }, token)) {
        const { event } = data as unknown as { event: Told };
        told.push(event);
        if (event.__typename === last) break;
      }
      return told;
    };
    const usage = follow(one, 'usageUpdates', null, 'UsageRecorded');
    const events = follow(one, 'sandboxEvents', null, 'SandboxDestroyed');
    const sandboxId = await newSandbox(two, {}, token);
    await mutate(two, 'exec', 'exitCode', { sandboxId, command: 'true' }, token);
    await mutate(two, 'destroySandbox', 'sandbox { id }', { sandboxId }, token);
    const told = await events;
    expect(told.map(({ __typename }) => __typename)).toEqual([
      'SandboxCreated',
      'SandboxReady',
      'SandboxDestroyed',
    ]);
    expect((await usage).length).toBeGreaterThan(0);
    const rest = await follow(two, 'sandboxEvents', told[0]?.cursor ?? '', 'SandboxDestroyed');
    expect(rest).toEqual(told.slice(1));
  });

  it('count rate limits together', async () => {
    const token = one.token({ tenant: newId('req'), plan: 'free' });
    const sandboxId = await newSandbox(one, {}, token);
    const state = 'query { rateLimit(class: EXECUTIONS) { remaining } }';
    expect((await ask(two, state, {}, token)).rateLimit.remaining).toBe(9);
    await mutate(one, 'destroySandbox', 'sandbox { id }', { sandboxId }, token);
  });

  it('let no more sandboxes be alive than the quota says, however many ask both at once', async () => {
    const tenant = newId('req');
    const token = one.token({ tenant, plan: 'pro' });
    two.token({ tenant });
    const platform = one.token({ role: 'platform' });
    const quota = { metric: 'CONCURRENT_SANDBOXES', tenant, limit: 4 };
    await mutate(one, 'setQuota', 'quotas { limit }', quota, platform);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const results = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        mutate(index % 2 ? one : two, 'createSandbox', 'sandbox { id }', {}, token),
      ),
    );
    expect(results.filter(({ sandbox }) => sandbox).length).toBe(4);
    // Each by the server that made it: a local sandbox lives on one host.
    await Promise.all(
      results.map(
        ({ sandbox }, index) =>
          sandbox &&
          mutate(
            index % 2 ? one : two,
            'destroySandbox',
            'sandbox { id }',
            { sandboxId: sandbox.id },
            token,
          ),
      ),
    );
    const codes = new Set(results.filter(({ code }) => code).map(({ code }) => code));
    expect(codes).toEqual(new Set(['QUOTA_EXCEEDED']));
  });

  it('write one chain of the audit log, each row once', async () => {
    const tenant = newId('req');
    const token = one.token({ tenant });
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        mutate(index % 2 ? one : two, 'revokeTokens', 'before', { tokenId: `t${index}` }, token),
      ),
    );
    const { auditLog } = await ask(
      two,
      '{ auditLog(last: 100) { edges { node { number target previousHash hash } } pageInfo { hasPreviousPage } } }',
      {},
      token,
    );
    const rows = auditLog.edges.map(({ node }) => node).sort((a, b) => a.number - b.number);
    expect(rows.map(({ number }) => number)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
    expect(new Set(rows.map(({ target }) => target)).size).toBe(100);
    for (let index = 1; index < rows.length; index += 1)
      expect(rows[index]?.previousHash).toBe(rows[index - 1]?.hash);
  });
});
