import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Tokens } from '../access/tokens.ts';
import { AppError } from '../errors.ts';
import type { Services } from '../graphql/context.ts';
import { newId } from '../lib/ids.ts';
import { readBody } from './body.ts';
import { createCors } from './cors.ts';
import { createErrorMask, refusal } from './errors.ts';
import { createExecution } from './execution.ts';
import { createGraphiql } from './graphiql.ts';
import { createGraphqlHttp } from './graphql-http.ts';
import { createGraphqlWs } from './graphql-ws.ts';

export type ServerOptions = {
  schema: GraphQLSchema;
  services: Services;
  tokens: Tokens;
  log: Logger;
  maxBodyBytes: number;
  maxSubscriptionsPerSocket: number;
  corsOrigins: readonly string[];
  /** Absent: no GraphiQL. */
  graphiql?: { token: string; documents: readonly string[] } | undefined;
  /** Rejects while the server cannot do its work. */
  ready: () => Promise<unknown>;
  /** Takes requests for signed URLs; false when the path is not one. */
  transfers: (request: IncomingMessage, response: ServerResponse) => boolean;
};

export type Server = {
  listen(port: number, host: string): Promise<number>;
  close(ms: number): Promise<void>;
};

export const listen = (server: HttpServer, port: number, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new AppError(
              'CONFLICT',
              `Port ${port} of ${host} is taken by another program. Stop it, or choose another port (SANDBANK_PORT, SANDBANK_PORTS_PORT).`,
            )
          : error,
      );
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });

/** Stops accepting, waits for answers under way, then cuts what is left. */
export const closeHttp = (server: HttpServer, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), ms);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });

const bearer = (request: IncomingMessage): string | null =>
  /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;

const json = (
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void => {
  if (response.headersSent) return void response.destroy();
  const text = JSON.stringify(body);
  response
    .writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      ...headers,
    })
    .end(text);
};

export const createServer = (options: ServerOptions): Server => {
  const { schema, services, tokens, log, corsOrigins } = options;
  const mask = createErrorMask(log);
  const execution = createExecution(schema, mask);
  let draining = false;
  const underWay = new Set<AbortController>();
  /** Aborts when the client leaves before its answer is whole, or the server stops. */
  const leaving = (response: ServerResponse): AbortSignal => {
    const gone = new AbortController();
    underWay.add(gone);
    response.once('close', () => {
      underWay.delete(gone);
      if (!response.writableFinished) gone.abort();
    });
    return gone.signal;
  };
  const graphql = createGraphqlHttp({ schema, execution, mask });
  const graphiql = options.graphiql && createGraphiql(options.graphiql);
  const cors = createCors(corsOrigins);
  const allowsOrigin = ({ headers: { origin, host } }: IncomingMessage): boolean =>
    origin === undefined ||
    corsOrigins.includes(origin) ||
    (URL.canParse(origin) && new URL(origin).host === host);
  const websocket = createGraphqlWs({
    schema,
    execution,
    mask,
    tokens,
    context: (principal, signal) => ({ ...services, principal, requestId: newId('req'), signal }),
    maxPayload: options.maxBodyBytes,
    maxSubscriptions: options.maxSubscriptionsPerSocket,
    allowsOrigin,
  });

  const serveGraphql = async (
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const requestId = newId('req');
    try {
      const token = bearer(request);
      const principal = token === null ? null : tokens.verify(token);
      const signal = leaving(response);
      const body =
        request.method === 'POST' ? await readBody(request, options.maxBodyBytes) : Buffer.alloc(0);
      await graphql(request, response, body, { ...services, principal, requestId, signal });
    } catch (error) {
      if (!response.headersSent) response.setHeader('x-request-id', requestId);
      if (error instanceof AppError) {
        const status = error.code === 'TOO_LARGE' ? 413 : 401;
        json(
          response,
          status,
          refusal(error, requestId),
          status === 401 ? { 'www-authenticate': 'Bearer' } : { connection: 'close' },
        );
      } else if (!request.destroyed) {
        log.error({ err: error, requestId }, 'a request failed unexpectedly');
        json(
          response,
          500,
          refusal(
            new AppError(
              'INTERNAL',
              'Something went wrong on our side. Tell the operator the requestId.',
            ),
            requestId,
          ),
        );
      }
    }
  };

  const serveHealth = async (path: string, response: ServerResponse): Promise<void> => {
    if (path === '/health/live') return json(response, 200, { status: 'ok' });
    if (draining) return json(response, 503, { status: 'draining' });
    try {
      await options.ready();
      json(response, 200, { status: 'ok' });
    } catch (error) {
      log.error({ err: error }, 'not ready');
      json(response, 503, { status: 'unavailable' });
    }
  };

  const server = createHttpServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (cors(request, response)) return;
    if (path === '/graphql') void serveGraphql(request, response);
    else if (path.startsWith('/health/')) void serveHealth(path, response);
    else if (graphiql && path === '/') response.writeHead(302, { location: '/graphiql' }).end();
    else if (graphiql && path === '/graphiql') void graphiql(request, response);
    else if (!options.transfers(request, response))
      json(response, 404, {
        code: 'NOT_FOUND',
        message: 'There is nothing here. GraphQL is at /graphql.',
      });
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    if ((request.url ?? '').split('?', 1)[0] === '/graphql')
      websocket.upgrade(request, socket, head);
    else socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
  });
  // A slow upload is no attack here: uploads to signed URLs may take hours; headers still have 60 s.
  server.requestTimeout = 0;

  return {
    listen: (port, host) => listen(server, port, host),
    async close(ms) {
      draining = true;
      for (const request of underWay) request.abort();
      websocket.close();
      await closeHttp(server, ms);
    },
  };
};
