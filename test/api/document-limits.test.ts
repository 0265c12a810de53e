import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, overSse, overWebSocket, post } from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const repeat = (count: number, make: (index: number) => string, glue = ' '): string =>
  Array.from({ length: count }, (_, index) => make(index)).join(glue);

describe('limits of documents', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ SANDBANK_WARM_SANDBOXES: '0' });
  });
  afterAll(() => server?.stop());

  const cases: readonly [string, number, (count: number) => string][] = [
    ['aliases', 30, (count) => `{ ${repeat(count, (index) => `a${index}: __typename`)} }`],
    ['directives', 30, (count) => `{ ${repeat(count, () => '__typename @include(if: true)')} }`],
    ['fragments', 50, (count) => `{ ${repeat(count, () => '... { __typename }')} }`],
    ['operations', 20, (count) => repeat(count, (index) => `query Q${index} { __typename }`)],
    ['breadth', 250, (count) => `{ ${repeat(count, () => '__typename')} }`],
  ];
  const ways = {
    POST: (query: string) => post(server, query),
    GET: async (query: string) => {
      const url = `${server.url}/graphql?query=${encodeURIComponent(query)}&operationName=${query.startsWith('query Q0') ? 'Q0' : ''}`;
      const response = await fetch(url, { headers: { authorization: `Bearer ${server.token()}` } });
      return (await response.json()) as Answer;
    },
    SSE: async (query: string) => (await Array.fromAsync(overSse(server, query)))[0],
    WebSocket: async (query: string) =>
      (await Array.fromAsync(overWebSocket(server, query)).catch((errors) => [{ errors }]))[0],
  };
  describe.each(Object.entries(ways))('over %s', (_, ask) => {
    it.each(cases)('%s: at most %i', async (_name, max, make) => {
      const over = await ask(make(max + 1));
      expect(over?.errors?.[0]?.extensions.code).toBe('LIMIT_EXCEEDED');
      const within = await ask(make(max));
      expect(within?.errors?.[0]?.extensions?.code).not.toBe('LIMIT_EXCEEDED');
    });

    it('tokens: at most 3,000', async () => {
      // More than a URL can hold: of one letter each.
      const answer = await ask(`{ ${repeat(3_001, () => 'a')} }`);
      expect(answer?.errors?.[0]?.extensions.code).toBe('GRAPHQL_PARSE_FAILED');
    });
  });

  it('let GraphiQL ask for the schema', async () => {
    const { getIntrospectionQuery } = await import('graphql');
    const query = getIntrospectionQuery({
      descriptions: true,
      inputValueDeprecation: true,
      schemaDescription: true,
      specifiedByUrl: true,
      oneOf: true,
    });
    expect(
      (await post<{ __schema: { types: unknown[] } }>(server, query)).data.__schema.types.length,
    ).toBeGreaterThan(50);
  });
});
