import type { ServerResponse } from 'node:http';
import { PRIVATE_HEADERS } from './security-headers.ts';

/** How long what a refused client still sends is thrown away, in milliseconds. */
const LINGER_MS = 2_000;

/** A client that is still sending would be reset before it has read the answer, were the connection closed at once. */
const endAfterRequest = (response: ServerResponse): void => {
  const { req: request } = response;
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, LINGER_MS).unref();
  request.once('end', end);
  request.once('close', end);
  request.resume();
};

/** A whole answer; when one is already on its way, the connection ends instead. */
export const sendJson = (
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void => {
  if (response.headersSent) return void response.destroy();
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...PRIVATE_HEADERS,
    ...headers,
  });
  if (headers.connection !== 'close' || response.req.complete) return void response.end(text);
  response.write(text);
  endAfterRequest(response);
};
