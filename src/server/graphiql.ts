import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';

export type GraphiqlOptions = { token: string; documents: readonly string[] };

/** The variables that the comment of an operation gives after "Variables:", so that its tab can be run at once. */
const variablesOf = (document: string): string | undefined =>
  /^#.*Variables: (\{.*\})$/m.exec(document)?.[1];

/** The page has 9 MB and never changes while the server runs: it is rendered and compressed once, then answered by its ETag. */
export const createGraphiql = ({ token, documents }: GraphiqlOptions) => {
  const headers = JSON.stringify({ Authorization: `Bearer ${token}` }, null, 2);
  const make = async () => {
    const html = renderGraphiQL({
      endpoint: '/graphql',
      title: 'Sandbank',
      // Over WebSocket the page would not send what its headers editor holds, the token.
      subscriptionsProtocol: 'SSE',
      headers,
      shouldPersistHeaders: true,
      defaultQuery: documents[0] ?? '{ viewer { subject } }',
      defaultTabs: documents.map((query) => ({ query, headers, variables: variablesOf(query) })),
    } as Parameters<typeof renderGraphiQL>[0]);
    return {
      body: await promisify(gzip)(html, { level: 6 }),
      etag: `"${createHash('sha256').update(html).digest('base64url').slice(0, 27)}"`,
    };
  };
  let page: ReturnType<typeof make> | null = null;

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    page ??= make();
    const { body, etag } = await page;
    const common = { etag, 'cache-control': 'no-cache', vary: 'accept-encoding' };
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304, common).end();
      return;
    }
    response
      .writeHead(200, {
        ...common,
        'content-type': 'text/html; charset=utf-8',
        'content-encoding': 'gzip',
        'content-length': body.length,
        'x-frame-options': 'DENY',
      })
      .end(request.method === 'HEAD' ? undefined : body);
  };
};
