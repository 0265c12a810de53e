import type { ServerResponse } from 'node:http';
import { PRIVATE_HEADERS } from './security-headers.ts';

/** A whole answer; when one is already on its way, the connection ends instead. */
export const sendJson = (
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void => {
  if (response.headersSent) return void response.destroy();
  const text = JSON.stringify(body);
  response
    .writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      ...PRIVATE_HEADERS,
      ...headers,
    })
    .end(text);
};
