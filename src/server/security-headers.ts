import type { ServerResponse } from 'node:http';

/** For answers that are data: never shown in a frame, run as something else, or kept by a cache. */
export const PRIVATE_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

const YEAR_SECONDS = 31_536_000;

/** For every answer; `isSecure`: clients reach the server by https, and must do so from now on. */
export const setSecurityHeaders = (response: ServerResponse, isSecure: boolean): void => {
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('referrer-policy', 'no-referrer');
  if (isSecure)
    response.setHeader('strict-transport-security', `max-age=${YEAR_SECONDS}; includeSubDomains`);
};
