import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { AuditLog } from '../audit/log.ts';
import type { Sessions } from '../authentication/sessions.ts';
import type { Services } from '../graphql/context.ts';
import type { RateLimits } from '../limits/rate-limits.ts';
import type { Authenticator } from './authenticator.ts';
import { createCors } from './cors.ts';
import { createErrorFormatter } from './errors.ts';
import { createExecution } from './execution.ts';
import { createFairQueue } from './fair-queue.ts';
import { createGraphiql } from './graphiql.ts';
import { createContext, type GraphqlEndpoint, serveGraphql } from './graphql-endpoint.ts';
import { createGraphqlHttp } from './graphql-http.ts';
import { createGraphqlWs } from './graphql-ws.ts';
import { closeHttp, listen } from './listen.ts';
import { setSecurityHeaders } from './security-headers.ts';
import { sendJson } from './send-json.ts';
import { createSubscriptionSlots } from './subscription-slots.ts';

export type ServerOptions = {
  schema: GraphQLSchema;
  services: Services;
  authenticator: Authenticator;
  audit: AuditLog;
  sessions: Sessions;
  rates: RateLimits;
  log: Logger;
  /** Hides the schema from those who may not read it, and takes POST alone. */
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

/** Proxies keep idle connections for 60 s. */
const KEEP_ALIVE_MS = 65_000;

export type Server = {
  listen(port: number, host: string): Promise<number>;
  close(ms: number): Promise<void>;
};

/** The parts that requests are routed to. */
type Router = {
  options: ServerOptions;
  endpoint: GraphqlEndpoint;
  graphiql: ReturnType<typeof createGraphiql> | undefined;
  websocket: ReturnType<typeof createGraphqlWs>;
  cors: ReturnType<typeof createCors>;
  isDraining: boolean;
};

const createRouter = (options: ServerOptions): Router => {
  const { schema, services, log, corsOrigins, isProduction } = options;
  const formatError = createErrorFormatter(log);
  const fairQueue = createFairQueue();
  const subscriptionSlots = createSubscriptionSlots(options.maxSubscriptionsPerTenant);
  const execution = createExecution({
    ...options,
    ...{ formatError, subscriptionSlots, hidesSchema: isProduction },
  });
  return {
    options,
    endpoint: {
      ...options,
      ...{ execution, fairQueue, inFlight: new Set() },
      answer: createGraphqlHttp({ schema, execution, formatError }),
    },
    graphiql: options.graphiql && createGraphiql(options.graphiql),
    websocket: createGraphqlWs({
      ...options,
      ...{ execution, formatError, fairQueue },
      createContext: (principal, session, signal) =>
        createContext(services, principal, principal.requestId, principal.address, session, signal),
      maxPayload: options.maxBodyBytes,
      maxSubscriptions: options.maxSubscriptionsPerSocket,
      allowsOrigin: ({ headers: { origin, host } }) =>
        origin === undefined ||
        corsOrigins.includes(origin) ||
        (URL.canParse(origin) && new URL(origin).host === host),
    }),
    cors: createCors(corsOrigins),
    isDraining: false,
  };
};

const serveHealth = async (x: Router, path: string, response: ServerResponse): Promise<void> => {
  if (path === '/health/live') return sendJson(response, 200, { status: 'ok' });
  if (x.isDraining) return sendJson(response, 503, { status: 'draining' });
  try {
    await x.options.ready();
    sendJson(response, 200, { status: 'ok' });
  } catch (error) {
    x.options.log.error({ err: error }, 'The server is not ready.');
    sendJson(response, 503, { status: 'unavailable' });
  }
};

const pathOf = ({ url }: IncomingMessage): string => (url ?? '/').split('?', 1)[0] ?? '/';

const route = (x: Router, request: IncomingMessage, response: ServerResponse): void => {
  const { options, graphiql } = x;
  const path = pathOf(request);
  if (x.cors(request, response)) return;
  if (path === '/graphql') return void serveGraphql(x.endpoint, request, response);
  setSecurityHeaders(response, options.isSecure());
  if (path.startsWith('/health/')) void serveHealth(x, path, response);
  else if (graphiql && path === '/') response.writeHead(302, { location: '/graphiql' }).end();
  else if (graphiql && path === '/graphiql') void graphiql(request, response);
  else if (!options.transfers(request, response))
    sendJson(response, 404, {
      code: 'NOT_FOUND',
      message: 'There is nothing at this path. The GraphQL endpoint is /graphql.',
    });
};

const upgrade = (x: Router, request: IncomingMessage, socket: Duplex, head: Buffer): void => {
  socket.on('error', () => undefined);
  if (pathOf(request) === '/graphql') x.websocket.upgrade(request, socket, head);
  else socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
};

export const createServer = (options: ServerOptions): Server => {
  const x = createRouter(options);
  const server = createHttpServer((request, response) => route(x, request, response));
  server.on('upgrade', (request, socket, head) => upgrade(x, request, socket, head));
  // A slow upload is no attack here: uploads to signed URLs may take hours; headers still have 60 s.
  server.requestTimeout = 0;
  // Longer than proxies and clients keep a connection: with Node's 5 s a request on one that is just being closed is lost.
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return {
    listen: (port, host) => listen(server, port, host, options.log),
    async close(ms) {
      x.isDraining = true;
      for (const request of x.endpoint.inFlight) request.abort();
      x.websocket.close();
      await closeHttp(server, ms);
    },
  };
};
