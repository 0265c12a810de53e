import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { Data } from '../helpers/answers.ts';
import {
  type Answer,
  ask,
  mutate,
  newSandbox,
  overSse,
  overWebSocket,
  post,
  type Stream,
  transports,
} from '../helpers/client.ts';
import { contract, documentOf } from '../helpers/documents.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { openSocket } from '../helpers/ws.ts';

const EVENTS = 'subscription { sandboxEvents { cursor } }';
const codeOf = (answer: Answer | undefined): string =>
  answer?.errors?.[0]?.extensions.code ?? 'none';

describe('sessions', () => {
  let server: TestServer;
  let admin: string;
  let samples: Record<string, string>;
  beforeAll(async () => {
    server = await startServer({ SANDBANK_MAX_SUBSCRIPTIONS_PER_TENANT: '40' });
    admin = server.token();
    const sandboxId = await newSandbox(server, {}, admin);
    const input = { sandboxId, command: 'while sleep 0.05; do echo x; done' };
    const { process } = await mutate(server, 'startProcess', 'process { id }', input);
    const { terminal } = await mutate(server, 'createTerminal', 'terminal { id }', { sandboxId });
    samples = { sandboxId, processId: process.id, terminalId: terminal.id, path: '/home/user' };
  });
  afterAll(() => server?.stop());

  const tokenIdOf = (token: string): string =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).jti;
  const revoke = (input: object): Promise<object> =>
    mutate(server, 'revokeTokens', 'before', input, admin);

  /** What a stream says last; `act` comes with the first event, or soon. */
  const lastAfter = async (stream: Stream, act: () => Promise<unknown>) => {
    let acted: Promise<unknown> | null = null;
    const once = (): void => {
      acted ??= act();
    };
    setTimeout(once, 150);
    let last: Answer | undefined;
    try {
      for await (const answer of stream) {
        last = answer;
        once();
      }
    } catch {
      // Over WebSocket the socket closes after the answer.
    }
    await acted;
    return codeOf(last);
  };

  const subscriptions = Object.values(contract.getSubscriptionType()?.getFields() ?? {});
  describe.each(transports)('over $transport', ({ subscribe }) => {
    it.each(subscriptions.map((field) => [field.name, field] as const))(
      'ends %s when its token is revoked',
      async (_, field) => {
        const token = server.token({ subject: 'reader' });
        const { query, variables } = documentOf('subscription', field, samples);
        const code = await lastAfter(subscribe(server, query, variables, token), () =>
          revoke({ tokenId: tokenIdOf(token) }),
        );
        expect(code).toBe('TOKEN_REVOKED');
        expect((await post(server, '{ __typename }', {}, token)).errors?.[0]?.extensions.code).toBe(
          'TOKEN_REVOKED',
        );
      },
    );

    it.each(['subject', 'tenant'])(
      'ends the streams of a whole %s, and no others',
      async (kind) => {
        const tenant = `tenant-${kind}-${subscribe.name}`;
        const token = server.token({ tenant, subject: 'gone' });
        const bystander = openSocket(server, server.token({ tenant: 'bystander' }));
        const going = bystander.subscribe(EVENTS);
        const waiting = going.next();
        const platform = server.token({ tenant: 'operators', role: 'platform' });
        const input =
          kind === 'subject' ? { subject: 'gone', tenant } : { wholeTenant: true, tenant };
        const code = await lastAfter(subscribe(server, EVENTS, {}, token), () =>
          mutate(server, 'revokeTokens', 'before', input, platform),
        );
        expect(code).toBe('TOKEN_REVOKED');
        expect((await bystander.ask('{ viewer { tenant } }')).data.viewer.tenant).toBe('bystander');
        await bystander.end();
        await waiting.catch(() => undefined);
        // What is issued afterwards counts.
        const next = server.token({ tenant, subject: 'gone' });
        expect((await ask(server, '{ viewer { tenant } }', {}, next)).viewer.tenant).toBe(tenant);
      },
    );
  });

  it('ends the signed URLs that were asked for with a token', async () => {
    const token = server.token({ subject: 'sharer' });
    const query = '{ sandbox(id: $id) { uploadUrl(path: "f") { url } portUrl(port: 80) { url } } }';
    const { sandbox } = await ask(
      server,
      `query ($id: ID!) ${query}`,
      { id: samples.sandboxId },
      token,
    );
    const put = () => fetch(sandbox.uploadUrl.url, { method: 'PUT', body: 'x' });
    expect((await put()).status).toBe(201);
    await revoke({ subject: 'sharer' });
    expect((await put()).status).toBe(403);
    expect((await fetch(sandbox.portUrl.url)).status).toBe(403);
  });

  it('live on past the end of a token that is renewed in the socket', async () => {
    const socket = openSocket(server, server.token({ ttlSeconds: 2, subject: 'renewer' }));
    const seen: string[] = [];
    const reading = (async () => {
      const query = documentOf('subscription', subscriptions[1] as never, samples);
      for await (const answer of socket.subscribe(query.query, query.variables))
        seen.push(codeOf(answer));
    })();
    const renew = (token: string) =>
      socket.ask(
        'mutation ($token: String!) { reauthenticate(input: { token: $token }) { __typename ... on Error { code } } }',
        { token },
      );
    for (const [token, code] of [
      [server.token({ subject: 'another' }), 'FORBIDDEN'],
      [server.token({ subject: 'renewer', tenant: 'another' }), 'FORBIDDEN'],
      [server.token({ subject: 'renewer', role: 'viewer' }), 'FORBIDDEN'],
      ['junk', 'UNAUTHENTICATED'],
    ] as const)
      expect((await renew(token)).data.reauthenticate.code).toBe(code);
    const next = server.token({ ttlSeconds: 60, subject: 'renewer' });
    expect((await renew(next)).data.reauthenticate.__typename).toBe('ReauthenticatePayload');
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const before = seen.length;
    expect((await socket.ask('{ viewer { subject } }')).data.viewer.subject).toBe('renewer');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(seen.length).toBeGreaterThan(before);
    expect(new Set(seen)).toEqual(new Set(['none']));
    // It is the new token that counts now.
    await revoke({ tokenId: tokenIdOf(next) });
    expect(await socket.closed).toMatchObject({ code: 4403, reason: /TOKEN_REVOKED/ });
    await reading.catch(() => undefined);
  });

  it('cannot be renewed over HTTP, where there is none', async () => {
    const answer = await mutate(server, 'reauthenticate', 'expiresAt', { token: admin }, admin);
    expect(answer.code).toBe('UNSUPPORTED');
  });

  it('are refused as the protocol says: 4401 before the greeting, 4403 for a bad token, 4429 for a second greeting', async () => {
    const close = (say: readonly object[]): Promise<number> =>
      new Promise((resolve) => {
        const socket = new WebSocket(server.wsUrl, 'graphql-transport-ws');
        socket.once('open', () => {
          for (const message of say) socket.send(JSON.stringify(message));
        });
        socket.once('close', resolve);
      });
    const subscribe = { id: '1', type: 'subscribe', payload: { query: '{ __typename }' } };
    const greet = (authorization: string) => ({
      type: 'connection_init',
      payload: { authorization },
    });
    expect(await close([subscribe])).toBe(4401);
    expect(await close([greet('Bearer junk')])).toBe(4403);
    expect(await close([greet(`Bearer ${server.token({ ttlSeconds: -60 })}`)])).toBe(4403);
    expect(await close([greet(`Bearer ${admin}`), greet(`Bearer ${admin}`)])).toBe(4429);
  });

  it('of one tenant have so many streams, over WebSocket and SSE together, and get places back', async () => {
    const token = server.token({ tenant: 'crowd' });
    const streams = (count: number) =>
      Array.from({ length: count }, (_, index) =>
        (index % 2 ? overSse : overWebSocket)(server, EVENTS, {}, token),
      );
    const open = streams(40);
    const waiting = open.map((stream) => stream.next());
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const one of streams(2))
      expect(codeOf((await one.next()).value as Answer)).toBe('LIMIT_EXCEEDED');
    // Others have places of their own.
    const other = overWebSocket(server, '{ viewer { tenant } }', {}, server.token());
    expect((await other.next()).value?.data.viewer.tenant).toBe('acme');
    // One ends: a sandbox is made, so that each stream gets its first event and can be let go of.
    const id = await newSandbox(server, {}, token);
    await Promise.all(waiting);
    await Promise.all(open.map((stream) => stream.return(undefined)));
    await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId: id }, token);
    const [again] = streams(1);
    expect(codeOf((await again?.next())?.value as Answer)).toBe('none');
    await again?.return(undefined);
  });
});

describe('tokens for others', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ SANDBANK_WARM_SANDBOXES: '0' });
  });
  afterAll(() => server?.stop());
  const issue = (input: object, token?: string) =>
    mutate(
      server,
      'issueToken',
      'token tokenId expiresAt',
      { subject: 'guest', role: 'viewer', ttlSeconds: 60, ...input },
      token,
    );

  it('may do what they were issued for, and no more', async () => {
    const [one, two] = [await newSandbox(server), await newSandbox(server)];
    const { token } = await issue({
      sandboxIds: [one],
      permissions: ['FILES_READ', 'SANDBOXES_READ'],
    });
    const { viewer, sandbox, other, sandboxes } = await ask<Data & { other: Data['sandbox'] }>(
      server,
      'query ($one: ID!, $two: ID!) { viewer { subject role permissions sandboxIds } sandbox(id: $one) { fileExists(path: "/tmp") } other: sandbox(id: $two) { id } sandboxes(first: 10) { edges { node { id } } } }',
      { one, two },
      token,
    );
    expect(viewer).toEqual({
      subject: 'guest',
      role: 'viewer',
      permissions: ['FILES_READ', 'SANDBOXES_READ'],
      sandboxIds: [one],
    });
    expect([sandbox.fileExists, other]).toEqual([true, null]);
    expect(sandboxes.edges).toEqual([{ node: { id: one } }]);
    const readOnly = await issue({ role: 'developer', readOnly: true });
    const denied = await mutate(
      server,
      'exec',
      'exitCode',
      { sandboxId: one, command: 'true' },
      readOnly.token,
    );
    expect(denied.code).toBe('FORBIDDEN');
  });

  it.each([
    ['a role above one’s own', { role: 'platform' }],
    ['another tenant', { tenant: 'others' }],
    ['another plan', { plan: 'enterprise' }],
  ])('are not issued with %s', async (_, input) => {
    expect((await issue(input)).code).toBe('FORBIDDEN');
  });

  it.each([
    ['a role that is not', { role: 'root' }],
    ['no time', { ttlSeconds: 0 }],
    ['two years', { ttlSeconds: 2 * 366 * 86_400 }],
    ['a name with NUL', { subject: 'a\0' }],
  ])('are not issued with %s', async (_, input) => {
    expect((await issue(input)).code).toBe('INVALID_ARGUMENT');
  });

  it('are not issued by a token that is narrower than they would be', async () => {
    const [sandboxId] = [await newSandbox(server)];
    const narrow = server.token({ scope: ['tokens:issue', 'files:read'] });
    expect((await issue({ role: 'viewer' }, narrow)).code).toBe('FORBIDDEN');
    const fits = await issue({ role: 'viewer', permissions: ['FILES_READ'] }, narrow);
    expect(fits.token).toMatch(/^ey/);
    expect((await issue({ sandboxIds: ['sbx_0000000000000000000a'] })).code).toBe('NOT_FOUND');
    expect((await issue({ sandboxIds: [sandboxId] })).token).toMatch(/^ey/);
  });
});
