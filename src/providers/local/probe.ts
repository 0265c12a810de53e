import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCgroups } from './cgroup.ts';
import { failed, type HostCheck, ok, warning } from './host-check.ts';
import { checkBubblewrap, checkIsolation } from './probe-bwrap.ts';

export type HostReport = { ok: boolean; checks: HostCheck[] };

const TOOLS = ['python3', 'node', 'npm', 'pip3', 'git'];
const MIN_WATCHES = 8_192;

const checkUsers = (): HostCheck =>
  process.getuid?.() === 0
    ? ok('users', 'each sandbox runs as a host user of its own (200000 and up), never as root')
    : warning(
        'users',
        'all sandboxes run as this server’s user',
        'Start the server as root for one host user per sandbox',
      );

const checkLimits = (): HostCheck => {
  const cgroups = openCgroups();
  return cgroups
    ? ok('limits', `cgroup ${cgroups.kind}: cpu, memory and processes are enforced by the kernel`)
    : warning(
        'limits',
        'no writable cgroup: only rlimits and accounting',
        'Under systemd set Delegate=yes for the service, or start the server as root',
      );
};

const checkTool = (tool: string): HostCheck => {
  const name = `tool ${tool}`;
  const isHere = ['/usr/bin', '/usr/local/bin'].some((folder) => existsSync(join(folder, tool)));
  if (isHere) return ok(name, 'from this host, read-only');
  if (tool === 'node') return ok(name, 'the server’s own');
  const debianPackage = tool === 'pip3' ? 'python3-pip' : tool;
  return warning(name, 'not on this host, so not in sandboxes', `apt-get install ${debianPackage}`);
};

/** Nothing where there are enough. */
const checkFileWatches = (): HostCheck[] => {
  const watches = Number(readFileSync('/proc/sys/fs/inotify/max_user_watches', 'utf8'));
  return watches < MIN_WATCHES
    ? [warning('file watches', `${watches} per user`, 'sysctl fs.inotify.max_user_watches=65536')]
    : [];
};

const checkLinux = async (): Promise<HostCheck[]> => {
  const bubblewrap = await checkBubblewrap();
  return [
    ok('platform', `Linux on ${process.arch}`),
    bubblewrap,
    ...(bubblewrap.status === 'ok' ? [checkIsolation()] : []),
    checkUsers(),
    checkLimits(),
    ok(
      'network',
      'none by default; allow-list and full through a proxy that never reaches private addresses',
    ),
    ...TOOLS.map(checkTool),
    ...checkFileWatches(),
  ];
};

/** What this host supports; `ok` when a sandbox can be isolated here. */
export const probeHost = async (): Promise<HostReport> => {
  const checks =
    process.platform === 'linux'
      ? await checkLinux()
      : [
          failed(
            'platform',
            `${process.platform} has no namespaces`,
            'Run Sandbank on Linux, or use a remote provider',
          ),
        ];
  return { ok: checks.every(({ status }) => status !== 'failed'), checks };
};
