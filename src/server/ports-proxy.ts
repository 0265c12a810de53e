import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { errorTable } from '../error-table.ts';
import { AppError } from '../errors.ts';
import { newId } from '../lib/ids.ts';
import type { PortGrant, Ports } from '../ports/service.ts';
import type { Authenticator } from './authenticator.ts';
import { endToEnd, forwardedHeaders, portCookie, portTokenOf } from './proxy-headers.ts';

const TIMEOUT_MS = 120_000;

export type PortsProxyOptions = { ports: Ports; authenticator: Authenticator; log: Logger };

/** `setsCookie`: the token came in the path, and later requests of the page will not have it there. */
type Target = { grant: PortGrant; token: string; path: string; setsCookie: boolean };

/** What the token allows. Rejected tokens count as failures to authenticate. */
const verifyToken = async (
  { ports, authenticator }: PortsProxyOptions,
  request: IncomingMessage,
  token: string,
): Promise<PortGrant> => {
  try {
    return ports.verify(token);
  } catch (error) {
    const address = authenticator.addressOf(request);
    throw (await authenticator.rejectAnonymous('port', newId('req'), address)) ?? error;
  }
};

const findTarget = async (x: PortsProxyOptions, request: IncomingMessage): Promise<Target> => {
  const url = request.url ?? '/';
  const [, inPath, rest = ''] = /^\/t\/([^/?]+)(.*)$/.exec(url) ?? [];
  const token = inPath ?? portTokenOf(request.headers) ?? '';
  const pathInside = rest.startsWith('/') ? rest : `/${rest}`;
  const grant = await verifyToken(x, request, token);
  const isInPath = inPath !== undefined;
  return { grant, token, path: isInPath ? pathInside : url, setsCookie: isInPath };
};

const describe = (
  { log }: PortsProxyOptions,
  error: unknown,
): { status: number; message: string } => {
  if (!(error instanceof AppError))
    log.error({ err: error }, 'The ports proxy failed with an unexpected error.');
  const { code, message } =
    error instanceof AppError
      ? error
      : new AppError('INTERNAL', 'An unexpected error occurred on the server.');
  return { status: errorTable[code].portStatus, message };
};

/** null: the client has gone meanwhile. The places of a sandbox's connections are few, so this one is given back. */
const dial = async (
  { ports }: PortsProxyOptions,
  grant: PortGrant,
  client: { destroyed: boolean },
): Promise<Duplex | null> => {
  const connection = await ports.dial(grant);
  if (!client.destroyed) return connection;
  connection.on('error', () => undefined);
  connection.destroy();
  return null;
};

const sendAnswer = (
  response: ServerResponse,
  answer: IncomingMessage,
  { grant, token, setsCookie }: Target,
): void => {
  const cookies = [...(answer.headers['set-cookie'] ?? []), portCookie(token, grant)];
  response.writeHead(answer.statusCode ?? 502, {
    ...endToEnd(answer.headers),
    'referrer-policy': 'no-referrer',
    ...(setsCookie ? { 'set-cookie': cookies } : {}),
  });
  answer.pipe(response);
};

const forwardRequest = async (
  x: PortsProxyOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const target = await findTarget(x, request);
  const { grant, path } = target;
  const connection = await dial(x, grant, response);
  if (!connection) return;
  const upstream = httpRequest(
    {
      createConnection: () => connection as never,
      method: request.method,
      path,
      headers: { ...forwardedHeaders(request.headers, grant.port), connection: 'close' },
    },
    (answer) => sendAnswer(response, answer, target),
  );
  upstream.setTimeout(TIMEOUT_MS, () => upstream.destroy(new Error('timeout')));
  upstream.on('error', () =>
    response.headersSent
      ? response.destroy()
      : response
          .writeHead(502, { 'content-type': 'text/plain' })
          .end(`The server on port ${grant.port} of the sandbox closed the connection.\n`),
  );
  response.once('close', () => upstream.destroy());
  request.pipe(upstream);
};

const serve = async (
  x: PortsProxyOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  try {
    await forwardRequest(x, request, response);
  } catch (error) {
    const { status, message } = describe(x, error);
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${message}\n`);
  }
};

const forwardUpgrade = async (
  x: PortsProxyOptions,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> => {
  const { grant, path } = await findTarget(x, request);
  const connection = await dial(x, grant, socket);
  if (!connection) return;
  const headers = forwardedHeaders(request.headers, grant.port, ['connection', 'upgrade']);
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}: ${one}`),
  );
  connection.write(`${request.method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  if (head.length) connection.write(head);
  connection.on('error', () => socket.destroy());
  connection.once('close', () => socket.destroy());
  socket.once('close', () => connection.destroy());
  socket.pipe(connection).pipe(socket);
};

const upgrade = async (
  x: PortsProxyOptions,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> => {
  socket.on('error', () => undefined);
  try {
    await forwardUpgrade(x, request, socket, head);
  } catch (error) {
    const { status, message } = describe(x, error);
    socket.end(
      `HTTP/1.1 ${status} Refused\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n${message}\n`,
    );
  }
};

/**
 * `/t/<token>/path` reaches `/path` of the server inside and leaves a cookie, by which the page's absolute addresses come here too.
 * It listens on a port of its own: what runs inside a sandbox must not share an origin with the API.
 */
export const createPortsProxy = (options: PortsProxyOptions): Server => {
  const server = createServer((request, response) => void serve(options, request, response));
  server.on('upgrade', (request, socket, head) => void upgrade(options, request, socket, head));
  return server;
};
