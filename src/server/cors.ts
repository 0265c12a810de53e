import type { IncomingMessage, ServerResponse } from 'node:http';

const DAY_SECONDS = '86400';

/**
 * Lets pages of the listed origins call the API (Fetch standard, CORS protocol). Tokens are sent in a header, never in cookies, so
 * credentials are not allowed. True when the request was a preflight, which has been answered.
 */
export const createCors =
  (origins: readonly string[]) =>
  (request: IncomingMessage, response: ServerResponse): boolean => {
    const { origin } = request.headers;
    const isPreflight =
      request.method === 'OPTIONS' &&
      request.headers['access-control-request-method'] !== undefined;
    if (origin !== undefined && origins.length > 0) response.setHeader('vary', 'origin');
    if (origin !== undefined && origins.includes(origin)) {
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader(
        'access-control-expose-headers',
        'x-request-id, etag, content-range, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset',
      );
      if (isPreflight) {
        response.setHeader('access-control-allow-methods', 'GET, HEAD, POST, PUT');
        response.setHeader('access-control-allow-headers', 'authorization, content-type, range');
        response.setHeader('access-control-max-age', DAY_SECONDS);
      }
    }
    if (isPreflight) response.writeHead(204).end();
    return isPreflight;
  };
