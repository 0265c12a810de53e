import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import { newId } from '../lib/ids.ts';
import type { PortGrant, Ports } from '../ports/service.ts';
import type { Authenticator } from './authenticator.ts';

const COOKIE = 'sandbank_port';
const TIMEOUT_MS = 120_000;
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'proxy-connection',
];

type Target = { grant: PortGrant; token: string; path: string; fromPath: boolean };

const cookieOf = (header = ''): string | undefined =>
  header
    .split(/;\s*/)
    .find((one) => one.startsWith(`${COOKIE}=`))
    ?.slice(COOKIE.length + 1);

/** The token is ours, not the program's inside: it goes neither in a cookie, nor in a Referer. */
const forwarded = (
  { host, referer, ...headers }: IncomingHttpHeaders,
  port: number,
  keep: readonly string[] = [],
): IncomingHttpHeaders => {
  const kept = Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name) || keep.includes(name)),
  );
  const cookie = (headers.cookie ?? '')
    .split(/;\s*/)
    .filter((one) => one && !one.startsWith(`${COOKIE}=`))
    .join('; ');
  const { cookie: _, ...rest } = kept;
  return {
    ...rest,
    host: `localhost:${port}`,
    ...(cookie ? { cookie } : {}),
    ...(referer && !referer.includes('/t/') ? { referer } : {}),
    ...(host ? { 'x-forwarded-host': host } : {}),
  };
};

/**
 * `/t/<token>/path` reaches `/path` of the server inside and leaves a cookie, by which the page's absolute addresses come here too.
 * It listens on a port of its own: what runs inside a sandbox must not share an origin with the API.
 */
export const createPortsProxy = ({
  ports,
  authenticator,
  log,
}: {
  ports: Ports;
  authenticator: Authenticator;
  log: Logger;
}): Server => {
  const grantOf = async (request: IncomingMessage, token: string): Promise<PortGrant> => {
    try {
      return ports.verify(token);
    } catch (error) {
      throw (
        (await authenticator.rejectAnonymous(
          'port',
          newId('req'),
          authenticator.addressOf(request),
        )) ?? error
      );
    }
  };
  const find = async (request: IncomingMessage): Promise<Target> => {
    const [, inPath, rest] = /^\/t\/([^/?]+)(.*)$/.exec(request.url ?? '') ?? [];
    const token = inPath ?? cookieOf(request.headers.cookie) ?? '';
    const path =
      inPath === undefined ? (request.url ?? '/') : rest?.startsWith('/') ? rest : `/${rest ?? ''}`;
    const grant = await grantOf(request, token);
    return { grant, token, path, fromPath: inPath !== undefined };
  };
  const statusOf = (error: unknown): number => {
    if (!(error instanceof AppError)) return 500;
    if (error.code === 'RATE_LIMITED') return 429;
    return error.code === 'FORBIDDEN' || error.code === 'TOKEN_REVOKED'
      ? 403
      : error.code === 'TERMINATED' || error.code === 'NOT_FOUND'
        ? 410
        : 502;
  };
  const textOf = (error: unknown): string =>
    error instanceof AppError ? error.message : 'Something went wrong on our side.';
  const unexpected = (error: unknown): void => {
    if (!(error instanceof AppError))
      log.error({ err: error }, 'the port proxy failed unexpectedly');
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const { grant, token, path, fromPath } = await find(request);
      const connection = await ports.dial(grant);
      const upstream = httpRequest(
        {
          createConnection: () => connection as never,
          method: request.method,
          path,
          headers: { ...forwarded(request.headers, grant.port), connection: 'close' },
        },
        (answer) => {
          const headers = Object.fromEntries(
            Object.entries(answer.headers).filter(([name]) => !HOP_BY_HOP.includes(name)),
          );
          const age = Math.max(1, Math.floor((grant.expiresAt - Date.now()) / 1_000));
          const cookie = `${COOKIE}=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${age}`;
          response.writeHead(answer.statusCode ?? 502, {
            ...headers,
            'referrer-policy': 'no-referrer',
            ...(fromPath
              ? { 'set-cookie': [...(answer.headers['set-cookie'] ?? []), cookie] }
              : {}),
          });
          answer.pipe(response);
        },
      );
      upstream.setTimeout(TIMEOUT_MS, () => upstream.destroy(new Error('timeout')));
      upstream.on('error', () =>
        response.headersSent
          ? response.destroy()
          : response
              .writeHead(502, { 'content-type': 'text/plain' })
              .end(`The server on port ${grant.port} broke off.\n`),
      );
      response.once('close', () => upstream.destroy());
      request.pipe(upstream);
    } catch (error) {
      unexpected(error);
      response
        .writeHead(statusOf(error), { 'content-type': 'text/plain; charset=utf-8' })
        .end(`${textOf(error)}\n`);
    }
  };

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    socket.on('error', () => undefined);
    try {
      const { grant, path } = await find(request);
      const connection = await ports.dial(grant);
      const headers = forwarded(request.headers, grant.port, ['connection', 'upgrade']);
      const lines = Object.entries(headers).flatMap(([name, value]) =>
        [value].flat().map((one) => `${name}: ${one}`),
      );
      connection.write(`${request.method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      if (head.length) connection.write(head);
      connection.on('error', () => socket.destroy());
      connection.once('close', () => socket.destroy());
      socket.once('close', () => connection.destroy());
      socket.pipe(connection).pipe(socket);
    } catch (error) {
      unexpected(error);
      socket.end(
        `HTTP/1.1 ${statusOf(error)} Refused\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n${textOf(error)}\n`,
      );
    }
  };

  const server = createServer((request, response) => void serve(request, response));
  server.on('upgrade', (request, socket, head) => void upgrade(request, socket, head));
  return server;
};
