import { execFile, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openCgroups } from './cgroup.ts';
import { seccompFilter } from './seccomp.ts';

export type HostCheck = {
  name: string;
  status: 'ok' | 'warning' | 'failed';
  detail: string;
  remedy: string | null;
};
export type HostReport = { ok: boolean; checks: HostCheck[] };

const run = promisify(execFile);
const PROBE_UID = 219_999;

const APPARMOR =
  'Allow user namespaces for bwrap: an AppArmor profile "profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }" in /etc/apparmor.d, or sysctl kernel.apparmor_restrict_unprivileged_userns=0';
const USERNS =
  'Allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 and user.max_user_namespaces=15000; in Docker, run with --security-opt seccomp=unconfined';

const remedyFor = (stderr: string): string =>
  /uid map: Permission denied/.test(stderr)
    ? APPARMOR
    : /namespace|Operation not permitted/.test(stderr)
      ? USERNS
      : 'See the message above';

/** One real run of bwrap with the namespaces, the user and the filter that a sandbox has. */
const tryBwrap = (): string | null => {
  const dir = mkdtempSync(join(tmpdir(), 'sandbank-probe-'));
  chmodSync(dir, 0o755);
  writeFileSync(join(dir, 'seccomp.bpf'), seccompFilter());
  const filter = openSync(join(dir, 'seccomp.bpf'), 'r');
  try {
    const isRoot = process.getuid?.() === 0;
    const result = spawnSync(
      'bwrap',
      [
        '--unshare-all',
        '--unshare-user',
        '--disable-userns',
        '--uid',
        '1000',
        '--gid',
        '1000',
        '--ro-bind',
        '/usr',
        '/usr',
        '--symlink',
        'usr/lib',
        '/lib',
        '--symlink',
        'usr/lib64',
        '/lib64',
        '--symlink',
        'usr/bin',
        '/bin',
        '--proc',
        '/proc',
        '--dev',
        '/dev',
        '--cap-drop',
        'ALL',
        '--seccomp',
        '3',
        '/usr/bin/true',
      ],
      {
        cwd: '/',
        env: { PATH: '/usr/bin:/bin' },
        stdio: ['ignore', 'ignore', 'pipe', filter],
        timeout: 10_000,
        ...(isRoot ? { uid: PROBE_UID, gid: PROBE_UID } : {}),
      },
    );
    if (result.status === 0) return null;
    return (
      String(result.stderr ?? result.error ?? 'bwrap failed').trim() ||
      `bwrap ended with ${result.status ?? result.signal}`
    );
  } finally {
    closeSync(filter);
    rmSync(dir, { recursive: true, force: true });
  }
};

const check = (
  name: string,
  status: HostCheck['status'],
  detail: string,
  remedy: string | null = null,
): HostCheck => ({ name, status, detail, remedy });

const bubblewrap = async (): Promise<HostCheck> => {
  const install = existsSync('/usr/bin/apt-get')
    ? 'apt-get install bubblewrap'
    : 'Install bubblewrap 0.8 or newer with your package manager';
  try {
    const { stdout } = await run('bwrap', ['--version']);
    const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(stdout) ?? [];
    const recent = Number(major) > 0 || Number(minor) >= 8;
    return check(
      'bubblewrap',
      recent ? 'ok' : 'failed',
      stdout.trim(),
      recent ? null : `${install}: 0.8 brought --disable-userns`,
    );
  } catch {
    return check('bubblewrap', 'failed', 'not installed', install);
  }
};

/** What this host supports; `ok` when a sandbox can be isolated here. */
export const probeHost = async (): Promise<HostReport> => {
  if (process.platform !== 'linux') {
    return {
      ok: false,
      checks: [
        check(
          'platform',
          'failed',
          `${process.platform} has no namespaces`,
          'Run Sandbank on Linux, or use a remote provider',
        ),
      ],
    };
  }
  const checks: HostCheck[] = [check('platform', 'ok', `Linux on ${process.arch}`)];
  const bwrap = await bubblewrap();
  checks.push(bwrap);
  if (bwrap.status === 'ok') {
    const problem = tryBwrap();
    checks.push(
      problem === null
        ? check(
            'isolation',
            'ok',
            'user, pid, mount, network, ipc and uts namespaces, no nested ones, seccomp filter',
          )
        : check('isolation', 'failed', problem, remedyFor(problem)),
    );
  }
  checks.push(
    process.getuid?.() === 0
      ? check(
          'users',
          'ok',
          'each sandbox runs as a host user of its own (200000 and up), never as root',
        )
      : check(
          'users',
          'warning',
          'all sandboxes run as this server’s user',
          'Start the server as root for one host user per sandbox',
        ),
  );
  const cgroups = openCgroups();
  checks.push(
    cgroups
      ? check(
          'limits',
          'ok',
          `cgroup ${cgroups.kind}: cpu, memory and processes are enforced by the kernel`,
        )
      : check(
          'limits',
          'warning',
          'no writable cgroup: only rlimits and accounting',
          'Under systemd set Delegate=yes for the service, or start the server as root',
        ),
  );
  checks.push(
    check(
      'network',
      'ok',
      'none by default; allow-list and full through a proxy that never reaches private addresses',
    ),
  );
  for (const tool of ['python3', 'node', 'npm', 'pip3', 'git']) {
    const found = ['/usr/bin', '/usr/local/bin'].some((folder) => existsSync(join(folder, tool)));
    checks.push(
      found || tool === 'node'
        ? check(`tool ${tool}`, 'ok', found ? 'from this host, read-only' : 'the server’s own')
        : check(
            `tool ${tool}`,
            'warning',
            'not on this host, so not in sandboxes',
            `apt-get install ${tool === 'pip3' ? 'python3-pip' : tool}`,
          ),
    );
  }
  const watches = Number(readFileSync('/proc/sys/fs/inotify/max_user_watches', 'utf8'));
  if (watches < 8_192)
    checks.push(
      check(
        'file watches',
        'warning',
        `${watches} per user`,
        'sysctl fs.inotify.max_user_watches=65536',
      ),
    );
  return { ok: checks.every(({ status }) => status !== 'failed'), checks };
};
