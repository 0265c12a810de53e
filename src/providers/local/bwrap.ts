import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Assets } from './assets.ts';

export const HOME = '/home/user';
export const BASE_ENV: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/home/user/.local/bin:/opt/sandbank/bin',
  HOME,
  USER: 'user',
  LOGNAME: 'user',
  SHELL: '/bin/bash',
  LANG: 'C.UTF-8',
  TERM: 'xterm-256color',
};

export type Rootfs = Pick<Assets, 'agentDir' | 'etcDir' | 'node' | 'ptyModules'> & {
  runDir: string;
  workspace: string;
};

const links = (['/bin', '/sbin', '/lib', '/lib64', '/lib32'] as const).filter((path) =>
  existsSync(path),
);

/**
 * Arguments of bwrap, in an order that matters: --remount-ro comes after everything below it is mounted, else the root and /dev are
 * writable memory without a size. Nothing of the host's environment or home is inside.
 */
export const bwrapArguments = ({
  agentDir,
  etcDir,
  node,
  ptyModules,
  runDir,
  workspace,
}: Rootfs): string[] => [
  '--unshare-user',
  '--unshare-pid',
  '--unshare-ipc',
  '--unshare-uts',
  '--unshare-cgroup-try',
  '--unshare-net',
  '--disable-userns',
  '--uid',
  '1000',
  '--gid',
  '1000',
  '--hostname',
  'sandbox',
  '--ro-bind',
  '/usr',
  '/usr',
  ...links.flatMap((path) => ['--symlink', `usr${path}`, path]),
  '--dir',
  '/etc',
  ...[
    'alternatives',
    'ssl/certs',
    'ca-certificates',
    'ld.so.cache',
    'ld.so.conf',
    'ld.so.conf.d',
    'terminfo',
    'vim',
    'python3',
    'python3.11',
    'npmrc',
    'localtime',
    'mime.types',
    'services',
    'protocols',
  ].flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]),
  ...['passwd', 'group', 'hosts', 'resolv.conf', 'nsswitch.conf', 'profile', 'bash.bashrc'].flatMap(
    (name) => ['--ro-bind', join(etcDir, name), `/etc/${name}`],
  ),
  '--proc',
  '/proc',
  '--dev',
  '/dev',
  '--perms',
  '1777',
  '--size',
  String(64 * 2 ** 20),
  '--tmpfs',
  '/dev/shm',
  '--remount-ro',
  '/dev',
  '--perms',
  '1777',
  '--size',
  String(256 * 2 ** 20),
  '--tmpfs',
  '/tmp',
  '--perms',
  '0755',
  '--size',
  String(16 * 2 ** 20),
  '--tmpfs',
  '/run',
  '--dir',
  '/var',
  '--symlink',
  '../tmp',
  '/var/tmp',
  '--ro-bind',
  agentDir,
  '/opt/sandbank/agent',
  '--ro-bind',
  node,
  '/opt/sandbank/bin/node',
  '--ro-bind',
  ptyModules,
  '/opt/sandbank/node_modules/@lydell',
  '--ro-bind',
  runDir,
  '/run/sandbank',
  '--bind',
  workspace,
  HOME,
  '--remount-ro',
  '/',
  '--chdir',
  HOME,
  '--clearenv',
  ...Object.entries(BASE_ENV).flatMap(([name, value]) => ['--setenv', name, value]),
  '--new-session',
  '--cap-drop',
  'ALL',
];

export const AGENT_COMMAND = [
  '/opt/sandbank/bin/node',
  '--max-semi-space-size=1',
  '/opt/sandbank/agent/main.mjs',
];
