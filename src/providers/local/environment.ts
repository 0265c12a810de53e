import type { NetworkPolicy } from '../types/sandbox.ts';

/** What every process of a sandbox finds in its environment; nothing of it is the host's. */
export const BASE_ENV: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/home/user/.local/bin:/opt/sandbank/bin',
  HOME: '/home/user',
  USER: 'user',
  LOGNAME: 'user',
  SHELL: '/bin/bash',
  LANG: 'C.UTF-8',
  TERM: 'xterm-256color',
};

const PROXY = 'http://127.0.0.1:3128';
const PROXY_ENV = Object.fromEntries(
  [
    'http_proxy',
    'https_proxy',
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'npm_config_proxy',
    'npm_config_https_proxy',
  ].map((name) => [name, PROXY]),
);

/** The environment of a sandbox with variables of its own. */
export const environmentOf = (
  { mode }: NetworkPolicy,
  own: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> => ({
  ...BASE_ENV,
  ...(mode === 'none' ? {} : PROXY_ENV),
  ...own,
});
