import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Assets } from './assets.ts';
import { BASE_ENV } from './environment.ts';

const HOME = '/home/user';

export type Rootfs = Pick<Assets, 'agentDir' | 'etcDir' | 'node' | 'ptyModules'> & {
  runDir: string;
  workspace: string;
};

/** One option of bwrap with its values. */
type Option = readonly string[];

const NAMESPACES: readonly Option[] = [
  ['--unshare-user'],
  ['--unshare-pid'],
  ['--unshare-ipc'],
  ['--unshare-uts'],
  ['--unshare-cgroup-try'],
  ['--unshare-net'],
  ['--disable-userns'],
  ['--uid', '1000'],
  ['--gid', '1000'],
  ['--hostname', 'sandbox'],
];

const LINKS = ['/bin', '/sbin', '/lib', '/lib64', '/lib32'].filter((path) => existsSync(path));
/** From the /etc of the host, as far as it has them. */
const HOST_ETC = [
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
];
/** From our own assets. */
const OWN_ETC = [
  'passwd',
  'group',
  'hosts',
  'resolv.conf',
  'nsswitch.conf',
  'profile',
  'bash.bashrc',
];

const system = (etcDir: string): Option[] => [
  ['--ro-bind', '/usr', '/usr'],
  ...LINKS.map((path) => ['--symlink', `usr${path}`, path]),
  ['--dir', '/etc'],
  ...HOST_ETC.map((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]),
  ...OWN_ETC.map((name) => ['--ro-bind', join(etcDir, name), `/etc/${name}`]),
];

const tmpfs = (path: string, permissions: string, mebibytes: number): Option => [
  '--perms',
  permissions,
  '--size',
  String(mebibytes * 2 ** 20),
  '--tmpfs',
  path,
];

/** File systems of the kernel, and those in memory: each of these has a size. */
const MEMORY: readonly Option[] = [
  ['--proc', '/proc'],
  ['--dev', '/dev'],
  tmpfs('/dev/shm', '1777', 64),
  ['--remount-ro', '/dev'],
  tmpfs('/tmp', '1777', 256),
  tmpfs('/run', '0755', 16),
  ['--dir', '/var'],
  ['--symlink', '../tmp', '/var/tmp'],
];

const supervisor = ({ agentDir, node, ptyModules, runDir }: Rootfs): Option[] => [
  ['--ro-bind', agentDir, '/opt/sandbank/agent'],
  ['--ro-bind', node, '/opt/sandbank/bin/node'],
  ['--ro-bind', ptyModules, '/opt/sandbank/node_modules/@lydell'],
  ['--ro-bind', runDir, '/run/sandbank'],
];

const ENVIRONMENT: readonly Option[] = [
  ['--clearenv'],
  ...Object.entries(BASE_ENV).map(([name, value]) => ['--setenv', name, value]),
];

/**
 * Arguments of bwrap, in an order that matters: --remount-ro comes after everything below it is mounted, else the root and /dev are
 * writable memory without a size. Nothing of the host's environment or home is inside.
 */
export const bwrapArguments = (rootfs: Rootfs): string[] =>
  [
    ...NAMESPACES,
    ...system(rootfs.etcDir),
    ...MEMORY,
    ...supervisor(rootfs),
    ['--bind', rootfs.workspace, HOME],
    ['--remount-ro', '/'],
    ['--chdir', HOME],
    ...ENVIRONMENT,
    ['--new-session'],
    ['--cap-drop', 'ALL'],
  ].flat();

export const AGENT_COMMAND = [
  '/opt/sandbank/bin/node',
  '--max-semi-space-size=1',
  '/opt/sandbank/agent/main.mjs',
];
