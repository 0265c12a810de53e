import type { IncomingHttpHeaders } from 'node:http';
import type { PortGrant } from '../ports/service.ts';

const COOKIE = 'sandbank_port';
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

const cookiesOf = (header = ''): string[] => header.split(/;\s*/);
const isPortCookie = (cookie: string): boolean => cookie.startsWith(`${COOKIE}=`);

export const portTokenOf = ({ cookie }: IncomingHttpHeaders): string | undefined =>
  cookiesOf(cookie)
    .find(isPortCookie)
    ?.slice(COOKIE.length + 1);

/** The cookie by which the absolute addresses of a page reach the same port. It expires with the grant. */
export const portCookie = (token: string, { expiresAt }: PortGrant): string => {
  const age = Math.max(1, Math.floor((expiresAt - Date.now()) / 1_000));
  return `${COOKIE}=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${age}`;
};

/** Without the headers that concern one connection only, but for those in `keep`. */
export const endToEnd = (
  headers: IncomingHttpHeaders,
  keep: readonly string[] = [],
): IncomingHttpHeaders =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name) || keep.includes(name)),
  );

/** The token belongs to Sandbank, not to the server inside: it is passed on neither in a cookie nor in a Referer. */
export const forwardedHeaders = (
  { host, referer, cookie, ...headers }: IncomingHttpHeaders,
  port: number,
  keep: readonly string[] = [],
): IncomingHttpHeaders => {
  const otherCookies = cookiesOf(cookie)
    .filter((one) => one && !isPortCookie(one))
    .join('; ');
  return {
    ...endToEnd(headers, keep),
    host: `localhost:${port}`,
    ...(otherCookies ? { cookie: otherCookies } : {}),
    ...(referer && !referer.includes('/t/') ? { referer } : {}),
    ...(host ? { 'x-forwarded-host': host } : {}),
  };
};
