import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, overSse, overWebSocket } from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const repeat = (count: number, make: (index: number) => string, glue = ' '): string =>
  Array.from({ length: count }, (_, index) => make(index)).join(glue);
const INTROSPECTION = '{ __schema { queryType { name } } }';
const CIRCULAR =
  '{ __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }';

/** What is read of the schema, and one of many aliases. */
type Introspection = {
  __schema: { queryType: { name: string } };
  alias100?: string;
};

describe('a server in production', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({
      SANDBANK_MODE: 'production',
      SANDBANK_WARM_SANDBOXES: '0',
      SANDBANK_DEFAULT_PLAN: 'unlimited',
      SANDBANK_PUBLIC_URL: 'https://sandbank.example',
      SANDBANK_AUTH_FAILURES_PER_MINUTE: '100000',
      SANDBANK_REQUEST_TIMEOUT_SECONDS: '1',
    });
  });
  afterAll(() => server?.stop());

  const send = async (
    init: RequestInit & { query?: string },
    token?: string,
  ): Promise<
    Answer<Introspection> & {
      status: number;
      headers: Headers;
      text: string;
      extensions: object;
    }
  > => {
    const response = await fetch(`${server.url}/graphql${init.query ?? ''}`, {
      ...init,
      headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...init.headers },
    });
    const text = await response.text();
    const body = text.startsWith('{') ? JSON.parse(text) : {};
    return { status: response.status, headers: response.headers, text, ...body };
  };
  const json = (body: unknown, token?: string) =>
    send(
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      },
      token,
    );

  /** As graphql-cop 1.14 asks, without a token and as a viewer; each says what would make it fire. */
  describe.each([
    ['nobody', () => undefined],
    ['a viewer', () => server.token({ role: 'viewer' })],
  ])('fires none of the 13 checks of graphql-cop for %s', (_, tokenOf) => {
    it('alias overloading', async () => {
      const query = `{ ${repeat(101, (index) => `alias${index}: __typename`)} }`;
      expect((await json({ query }, tokenOf())).data?.alias100).toBeUndefined();
    });
    it('array-based batch', async () => {
      const answer = await json(Array(10).fill({ query: '{ __typename }' }), tokenOf());
      expect(answer.text.startsWith('[')).toBe(false);
      expect(answer.status).toBe(400);
    });
    it('circular introspection', async () => {
      expect((await json({ query: CIRCULAR }, tokenOf())).data?.__schema).toBeUndefined();
    });
    it('directive overloading', async () => {
      const answer = await json(
        { query: `{ __typename ${repeat(10, () => '@aa', '')} }` },
        tokenOf(),
      );
      expect(answer.errors?.length).toBeLessThan(10);
    });
    it('field duplication', async () => {
      const answer = await json({ query: `{ ${repeat(500, () => '__typename')} }` }, tokenOf());
      expect([answer.data, answer.errors?.[0]?.extensions.code]).toEqual([
        undefined,
        'LIMIT_EXCEEDED',
      ]);
    });
    it('field suggestions', async () => {
      for (const query of [
        '{ viewr { subject } }',
        '{ __schema { directive } }',
        'query ($s: SandboxStat) { __typename }',
      ]) {
        const { errors } = await json({ query }, tokenOf());
        expect(JSON.stringify(errors)).not.toMatch(/did you mean/i);
      }
    });
    it('queries by GET', async () => {
      const answer = await send({ query: '?query={__typename}' }, tokenOf());
      expect([answer.status, answer.headers.get('allow'), answer.data]).toEqual([
        405,
        'POST',
        undefined,
      ]);
    });
    it('mutations by GET', async () => {
      expect((await send({ query: '?query=mutation{__typename}' }, tokenOf())).status).toBe(405);
    });
    it('GraphiQL and its like', async () => {
      for (const path of ['/', '/graphiql', '/graphql', '/playground', '/console']) {
        const response = await fetch(server.url + path, { headers: { accept: 'text/html' } });
        expect(response.status).toBeGreaterThanOrEqual(400);
        expect(await response.text()).not.toMatch(/graphiql|playground/i);
      }
    });
    it('introspection', async () => {
      for (const query of [INTROSPECTION, '{ __type(name: "Sandbox") { name } }'])
        expect((await json({ query }, tokenOf())).data?.__schema).toBeUndefined();
    });
    it('urlencoded POST', async () => {
      const body = new URLSearchParams({ query: '{ __typename }' });
      const answer = await send({ method: 'POST', body }, tokenOf());
      expect([answer.status, answer.data]).toEqual([415, undefined]);
    });
    it('traces', async () => {
      const { extensions } = await json({ query: '{ __typename }' }, tokenOf());
      expect(Object.keys(extensions)).toEqual(['cost']);
    });
    it('unhandled errors', async () => {
      const answer = await json({ query: 'qwerty cop { abc }' }, tokenOf());
      expect(answer.text).not.toMatch(/exception|stack|\.[jt]s\b/i);
      expect(answer.errors?.[0]?.extensions.code).toBe('GRAPHQL_PARSE_FAILED');
    });
  });

  it('shows its schema to those whose role may read it, over every way in', async () => {
    const developer = server.token({ role: 'developer' });
    const viewer = server.token({ role: 'viewer' });
    expect((await json({ query: INTROSPECTION }, developer)).data.__schema.queryType.name).toBe(
      'Query',
    );
    for (const subscribe of [overWebSocket, overSse]) {
      const first = async (token: string) =>
        (
          await Array.fromAsync(subscribe(server, INTROSPECTION, {}, token)).catch((errors) => [
            { errors },
          ])
        )[0];
      expect(((await first(developer)) as Answer<Introspection>).data.__schema.queryType.name).toBe(
        'Query',
      );
      expect((await first(viewer))?.errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    }
    // The same text, hidden from one and open to the other, in either order.
    expect((await json({ query: INTROSPECTION }, viewer)).data).toBeUndefined();
    expect(
      (await json({ query: '{ viewr { subject } }' }, developer)).errors?.[0]?.message,
    ).toMatch(/did you mean/i);
  });

  it.each([
    [
      'multipart/form-data',
      'multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{"query":"{ __typename }"}\r\n--x--\r\n',
    ],
    ['text/plain', 'text/plain', '{"query":"{ __typename }"}'],
    ['application/graphql', 'application/graphql', '{ __typename }'],
    ['nothing', '', '{"query":"{ __typename }"}'],
  ])('takes no body of %s, which a page of another site could send', async (_, type, body) => {
    const headers = type
      ? { 'content-type': type }
      : { 'content-type': 'application/octet-stream' };
    const answer = await send({ method: 'POST', headers, body }, server.token());
    expect([answer.status, answer.data]).toEqual([415, undefined]);
  });

  it('sends the headers that browsers protect its users by', async () => {
    const { headers } = await json({ query: '{ __typename }' }, server.token());
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
    const other = await fetch(`${server.url}/nothing`);
    expect(other.headers.get('x-content-type-options')).toBe('nosniff');
    expect(other.headers.get('x-powered-by')).toBeNull();
  });

  it('waits for no request for ever', async () => {
    const never = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"query":')),
    });
    const init = {
      method: 'POST',
      body: never,
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    };
    const response = await fetch(`${server.url}/graphql`, init as RequestInit);
    expect(response.status).toBe(408);
  });
});
