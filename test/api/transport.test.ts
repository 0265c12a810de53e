import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { overWebSocket, post, transports } from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

describe('the ways in', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ SANDBANK_MAX_BODY_BYTES: '100KiB', SANDBANK_WARM_SANDBOXES: '0' });
  });
  afterAll(() => server?.stop());

  const audits = serverAudits({ url: () => `${server.url}/graphql`, fetchFn: fetch });
  it.each(audits.map((audit) => [audit.id, audit.name, audit] as const))(
    'passes graphql-http’s audit %s: %s',
    async (_, __, audit) => {
      expect(await audit.fn()).toMatchObject({ status: 'ok' });
    },
  );

  it('has all 61 of them', () => expect(audits.length).toBe(61));

  it('refuses a token that is not ours, wholly, and shows no stack', async () => {
    const { status, errors } = await post(server, '{ __typename }', {}, 'junk');
    expect([status, errors?.[0]?.extensions.code]).toEqual([401, 'UNAUTHENTICATED']);
    expect(JSON.stringify(errors)).not.toMatch(/\.ts|at /);
  });

  it.each(transports)('ends a stream with the token, over $transport', async ({ subscribe }) => {
    const token = server.token({ ttlSeconds: 2 });
    const codes: string[] = [];
    try {
      for await (const { errors } of subscribe(
        server,
        'subscription { sandboxEvents { cursor } }',
        {},
        token,
      ))
        codes.push(errors?.[0]?.extensions.code ?? 'event');
    } catch {
      // The socket closes after the answer.
    }
    expect(codes.at(-1)).toBe('TOKEN_EXPIRED');
  });

  it('closes a WebSocket without a good token by 4403', async () => {
    for (const payload of [{}, { authorization: 'Bearer junk' }]) {
      const socket = new WebSocket(server.wsUrl, 'graphql-transport-ws');
      socket.once('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload })));
      expect(await new Promise((resolve) => socket.once('close', resolve))).toBe(4403);
    }
  });

  it('refuses other origins, other protocols and large requests', async () => {
    const status = (socket: WebSocket) =>
      new Promise((resolve) =>
        socket
          .once('unexpected-response', (_, response) => resolve(response.statusCode))
          .once('error', () => undefined),
      );
    expect(
      await status(
        new WebSocket(server.wsUrl, 'graphql-transport-ws', { origin: 'https://evil.example' }),
      ),
    ).toBe(403);
    const large = await post(server, `{ viewer { subject } } # ${'x'.repeat(200_000)}`);
    expect([large.status, large.errors?.[0]?.extensions.code]).toEqual([413, 'TOO_LARGE']);
  });

  it.each([
    ['too many tokens', `{ ${'a: __typename '.repeat(2_000)} }`, 'GRAPHQL_PARSE_FAILED'],
    ['nonsense', '{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    [
      'too much',
      `{ sandboxes(first: 100) { edges { node { processes(first: 100) { edges { node { id } } } } } } }`,
      'LIMIT_EXCEEDED',
    ],
    ['an open list', '{ sandboxes { edges { node { id } } } }', 'INVALID_ARGUMENT'],
  ])('refuses %s with a code', async (_, query, code) => {
    expect((await post(server, query)).errors?.[0]?.extensions.code).toBe(code);
    const overSocket = await Array.fromAsync(overWebSocket(server, query)).catch((errors) => [
      { errors },
    ]);
    expect(overSocket[0]?.errors?.[0]?.extensions?.code).toBe(code);
  });

  it('answers pages of the listed origins, and no others', async () => {
    const origin = 'https://dashboard.example';
    const other = await startServer({ SANDBANK_CORS_ORIGINS: origin });
    const url = `${other.url}/graphql`;
    const preflight = {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization, content-type',
    };
    const allowed = await fetch(url, { method: 'OPTIONS', headers: { origin, ...preflight } });
    expect([allowed.status, allowed.headers.get('access-control-allow-headers')]).toEqual([
      204,
      'authorization, content-type, range',
    ]);
    const ask = (from: string) =>
      fetch(url, {
        method: 'POST',
        headers: { origin: from, 'content-type': 'application/json' },
        body: '{"query":"{ __typename }"}',
      });
    expect((await ask(origin)).headers.get('access-control-allow-origin')).toBe(origin);
    const refused = await fetch(url, {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', ...preflight },
    });
    expect(refused.headers.get('access-control-allow-origin')).toBeNull();
    expect(
      (await ask('https://evil.example')).headers.get('access-control-allow-origin'),
    ).toBeNull();
    await other.stop();
  });

  it('answers health, and nothing elsewhere', async () => {
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
    expect((await fetch(`${server.url}/nothing`)).status).toBe(404);
  });
});
