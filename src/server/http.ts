import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { AuditLog } from '../audit/log.ts';
import type { Principal } from '../authentication/principal.ts';
import type { Session, Sessions } from '../authentication/sessions.ts';
import { AppError, type ErrorCode } from '../errors.ts';
import type { Context, Services } from '../graphql/context.ts';
import { newId } from '../lib/ids.ts';
import type { RateLimits } from '../limits/rate-limits.ts';
import type { Authenticator } from './authenticator.ts';
import { readBody } from './body.ts';
import { createCors } from './cors.ts';
import { createErrorMask, refusal } from './errors.ts';
import { createExecution } from './execution.ts';
import { createFairQueue } from './fair-queue.ts';
import { createGraphiql } from './graphiql.ts';
import { createGraphqlHttp } from './graphql-http.ts';
import { createGraphqlWs } from './graphql-ws.ts';
import { PRIVATE, setSecurityHeaders } from './security-headers.ts';
import { createSubscriptionPlaces } from './subscription-places.ts';

export type ServerOptions = {
  schema: GraphQLSchema;
  services: Services;
  authenticator: Authenticator;
  audit: AuditLog;
  sessions: Sessions;
  rates: RateLimits;
  log: Logger;
  /** Tells nothing of the schema to those who may not read it, and takes POST alone. */
  isProduction: boolean;
  /** Clients reach the server by https. */
  isSecure: () => boolean;
  requestTimeoutMs: number;
  maxBodyBytes: number;
  maxSubscriptionsPerSocket: number;
  maxSubscriptionsPerTenant: number;
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

export const listen = (
  server: HttpServer,
  port: number,
  host: string,
  log: Logger,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void =>
      reject(
        error.code === 'EADDRINUSE'
          ? new AppError(
              'CONFLICT',
              `Port ${port} of ${host} is taken by another program. Stop it, or choose another port (SANDBANK_PORT, SANDBANK_PORTS_PORT).`,
            )
          : new AppError(
              'INVALID_ARGUMENT',
              `The server cannot listen on port ${port} of ${host}: ${error.message}. Check SANDBANK_HOST, SANDBANK_PORT and SANDBANK_PORTS_PORT.`,
            ),
      );
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      // A connection that could not be accepted, for example without descriptors left.
      server.on('error', (error) => log.error({ err: error }, 'a connection was not accepted'));
      resolve((server.address() as AddressInfo).port);
    });
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

/** A caller that could not be let in; other refusals have an answer of their own. */
const UNAUTHORIZED = { status: 401, headers: { 'www-authenticate': 'Bearer' } };
const answers: Partial<Record<ErrorCode, { status: number; headers: Record<string, string> }>> = {
  TOO_LARGE: { status: 413, headers: { connection: 'close' } },
  TIMEOUT: { status: 408, headers: { connection: 'close' } },
  RATE_LIMITED: { status: 429, headers: {} },
  UNAVAILABLE: { status: 503, headers: {} },
};

/**
 * Requests that are not GraphQL's to answer. Bodies of the types an HTML form can send are not taken, so that no page of another site can
 * send one without asking first (CSRF); there are no uploads that would need them.
 */
const rejectUnsupportedRequest = (
  { method, headers }: IncomingMessage,
  isProduction: boolean,
): { status: number; error: AppError; headers: Record<string, string> } | null => {
  if (method === 'POST' && !/^application\/([a-z-]+\+)?json\b/i.test(headers['content-type'] ?? ''))
    return {
      status: 415,
      error: new AppError('INVALID_ARGUMENT', 'Send the request as application/json.'),
      headers: { connection: 'close' },
    };
  if (isProduction && method !== 'POST')
    return {
      status: 405,
      error: new AppError('INVALID_ARGUMENT', 'Send the request by POST.'),
      headers: { allow: 'POST' },
    };
  return null;
};

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
      ...PRIVATE,
      ...headers,
    })
    .end(text);
};

export const createServer = (options: ServerOptions): Server => {
  const {
    schema,
    services,
    authenticator,
    audit,
    sessions,
    rates,
    log,
    corsOrigins,
    isProduction,
  } = options;
  const mask = createErrorMask(log);
  const fairQueue = createFairQueue();
  const places = createSubscriptionPlaces(options.maxSubscriptionsPerTenant);
  const execution = createExecution({
    ...{ schema, mask, rates, sessions, places, authenticator, audit, hidesSchema: isProduction },
  });
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
  const contextOf = (
    principal: Principal | null,
    requestId: string,
    address: string | null,
    session: Session | null,
    signal: AbortSignal,
  ): Context => ({ ...services, principal, requestId, address, session, signal, cost: 0 });
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
    authenticator,
    sessions,
    fairQueue,
    context: (principal, session, signal) =>
      contextOf(principal, principal.requestId, principal.address, session, signal),
    maxPayload: options.maxBodyBytes,
    maxSubscriptions: options.maxSubscriptionsPerSocket,
    allowsOrigin,
  });

  const serveGraphql = async (
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const requestId = newId('req');
    if (options.isSecure()) setSecurityHeaders(response, true);
    try {
      const wrong = rejectUnsupportedRequest(request, isProduction);
      if (wrong)
        return json(response, wrong.status, refusal(wrong.error, requestId), {
          ...wrong.headers,
          'x-request-id': requestId,
        });
      const address = authenticator.addressOf(request);
      const token = bearer(request);
      const principal =
        token === null ? null : await authenticator.authenticate(token, requestId, address);
      const refused = execution.refusal(principal);
      if (refused) {
        // Its body is not read into anything.
        request.resume();
        throw refused;
      }
      const signal = leaving(response);
      const body =
        request.method === 'POST'
          ? await readBody(request, options.maxBodyBytes, options.requestTimeoutMs)
          : Buffer.alloc(0);
      const waiting = fairQueue.admit(principal?.tenant ?? '');
      if (waiting !== undefined) await waiting;
      const context = contextOf(principal, requestId, address, null, signal);
      await graphql(request, response, body, context);
    } catch (error) {
      if (error instanceof AppError) {
        const { status, headers } = answers[error.code] ?? UNAUTHORIZED;
        const { retryAfterMs } = error;
        json(response, status, refusal(error, requestId), {
          ...headers,
          'x-request-id': requestId,
          ...(retryAfterMs ? { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) } : {}),
        });
      } else if (!request.destroyed) {
        log.error({ err: error, requestId }, 'a request failed unexpectedly');
        const bug = new AppError(
          'INTERNAL',
          'Something went wrong on our side. Tell the operator the requestId.',
        );
        json(response, 500, refusal(bug, requestId), { 'x-request-id': requestId });
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
    if (path === '/graphql') return void serveGraphql(request, response);
    setSecurityHeaders(response, options.isSecure());
    if (path.startsWith('/health/')) void serveHealth(path, response);
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
    listen: (port, host) => listen(server, port, host, log),
    async close(ms) {
      draining = true;
      for (const request of underWay) request.abort();
      websocket.close();
      await closeHttp(server, ms);
    },
  };
};
