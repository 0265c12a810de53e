import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Principal } from '../authentication/principal.ts';
import type { Session } from '../authentication/sessions.ts';
import { errorTable } from '../error-table.ts';
import { AppError } from '../errors.ts';
import type { Context, Services } from '../graphql/context.ts';
import { newId } from '../lib/ids.ts';
import type { Authenticator } from './authenticator.ts';
import { readBody } from './body.ts';
import { errorBody, internalError } from './errors.ts';
import type { Execution } from './execution.ts';
import type { FairQueue } from './fair-queue.ts';
import type { createGraphqlHttp } from './graphql-http.ts';
import { setSecurityHeaders } from './security-headers.ts';
import { sendJson } from './send-json.ts';

export type GraphqlEndpoint = {
  services: Services;
  authenticator: Authenticator;
  execution: Execution;
  fairQueue: FairQueue;
  answer: ReturnType<typeof createGraphqlHttp>;
  log: Logger;
  isProduction: boolean;
  /** Clients reach the server by https. */
  isSecure: () => boolean;
  requestTimeoutMs: number;
  maxBodyBytes: number;
  /** The requests in progress; aborting one stops its work. */
  inFlight: Set<AbortController>;
};

export const createContext = (
  services: Services,
  principal: Principal | null,
  requestId: string,
  address: string | null,
  session: Session | null,
  signal: AbortSignal,
): Context => ({ ...services, principal, requestId, address, session, signal, cost: 0 });

/** Aborts when the client disconnects before its answer is complete, or the server stops. */
const abortOnDisconnect = (x: GraphqlEndpoint, response: ServerResponse): AbortSignal => {
  const disconnected = new AbortController();
  x.inFlight.add(disconnected);
  response.once('close', () => {
    x.inFlight.delete(disconnected);
    if (!response.writableFinished) disconnected.abort();
  });
  return disconnected.signal;
};

const bearerTokenOf = (request: IncomingMessage): string | null =>
  /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;

/**
 * Requests that cannot be GraphQL's. Bodies of the types that an HTML form can send are refused, so that no page of another site can
 * send one without asking first (CSRF); there are no uploads that would need them.
 */
const checkRequest = (
  { method, headers }: IncomingMessage,
  isProduction: boolean,
): { status: number; error: AppError; headers: Record<string, string> } | null => {
  if (method === 'POST' && !/^application\/([a-z-]+\+)?json\b/i.test(headers['content-type'] ?? ''))
    return {
      status: 415,
      error: new AppError(
        'INVALID_ARGUMENT',
        'The content type of the request is not supported. Send the request as application/json.',
      ),
      headers: { connection: 'close' },
    };
  if (isProduction && method !== 'POST')
    return {
      status: 405,
      error: new AppError(
        'INVALID_ARGUMENT',
        'The HTTP method of the request is not supported. Send the request by POST.',
      ),
      headers: { allow: 'POST' },
    };
  return null;
};

/** Authenticates, then reads and answers the request; throws what refuses it as a whole. */
const answerRequest = async (
  x: GraphqlEndpoint,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> => {
  const address = x.authenticator.addressOf(request);
  const token = bearerTokenOf(request);
  const principal =
    token === null ? null : await x.authenticator.authenticate(token, requestId, address);
  const rateLimited = x.execution.checkRateLimit(principal);
  if (rateLimited) {
    // The body is drained, not collected.
    request.resume();
    throw rateLimited;
  }
  const signal = abortOnDisconnect(x, response);
  const body =
    request.method === 'POST'
      ? await readBody(request, x.maxBodyBytes, x.requestTimeoutMs)
      : Buffer.alloc(0);
  const turn = x.fairQueue.admit(principal?.tenant ?? '');
  if (turn !== undefined) await turn;
  const context = createContext(x.services, principal, requestId, address, null, signal);
  await x.answer(request, response, body, context);
};

const headersFor = ({ code, retryAfterMs }: AppError, status: number): Record<string, string> => ({
  ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  // The rest of a body that is not read must not be taken for the next request.
  ...(code === 'TOO_LARGE' || code === 'TIMEOUT' ? { connection: 'close' } : {}),
  ...(retryAfterMs ? { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) } : {}),
});

/** Refuses a request as a whole, with the status of the error. */
export const sendError = (response: ServerResponse, error: AppError, requestId: string): void => {
  const { requestStatus } = errorTable[error.code];
  sendJson(response, requestStatus, errorBody(error, requestId), {
    ...headersFor(error, requestStatus),
    'x-request-id': requestId,
  });
};

export const serveGraphql = async (
  x: GraphqlEndpoint,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const requestId = newId('req');
  if (x.isSecure()) setSecurityHeaders(response, true);
  try {
    const refused = checkRequest(request, x.isProduction);
    if (refused)
      return sendJson(response, refused.status, errorBody(refused.error, requestId), {
        ...refused.headers,
        'x-request-id': requestId,
      });
    await answerRequest(x, request, response, requestId);
  } catch (error) {
    if (error instanceof AppError) return sendError(response, error, requestId);
    if (request.destroyed) return;
    x.log.error({ err: error, requestId }, 'A request failed with an unexpected error.');
    sendError(response, internalError(), requestId);
  }
};
