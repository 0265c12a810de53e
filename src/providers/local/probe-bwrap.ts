import { execFile, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { failed, type HostCheck, ok } from './host-check.ts';
import { seccompFilter } from './seccomp.ts';

const run = promisify(execFile);
const PROBE_UID = 219_999;

const APPARMOR =
  'Allow user namespaces for bwrap: an AppArmor profile "profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }" in /etc/apparmor.d, or sysctl kernel.apparmor_restrict_unprivileged_userns=0';
const USERNS =
  'Allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 and user.max_user_namespaces=15000; in Docker, run with --security-opt seccomp=unconfined';

const remedyFor = (stderr: string): string => {
  if (/uid map: Permission denied/.test(stderr)) return APPARMOR;
  return /namespace|Operation not permitted/.test(stderr) ? USERNS : 'See the message above';
};

/** The namespaces, the user and the filter that a sandbox has, around a program that does nothing. */
const BWRAP_ARGUMENTS = [
  ['--unshare-all'],
  ['--unshare-user'],
  ['--disable-userns'],
  ['--uid', '1000'],
  ['--gid', '1000'],
  ['--ro-bind', '/usr', '/usr'],
  ['--symlink', 'usr/lib', '/lib'],
  ['--symlink', 'usr/lib64', '/lib64'],
  ['--symlink', 'usr/bin', '/bin'],
  ['--proc', '/proc'],
  ['--dev', '/dev'],
  ['--cap-drop', 'ALL'],
  ['--seccomp', '3'],
  ['/usr/bin/true'],
].flat();

/** What went wrong in one real run of bwrap, or null. */
const tryBwrap = (): string | null => {
  const dir = mkdtempSync(join(tmpdir(), 'sandbank-probe-'));
  chmodSync(dir, 0o755);
  writeFileSync(join(dir, 'seccomp.bpf'), seccompFilter());
  const filter = openSync(join(dir, 'seccomp.bpf'), 'r');
  try {
    const isRoot = process.getuid?.() === 0;
    const result = spawnSync('bwrap', BWRAP_ARGUMENTS, {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['ignore', 'ignore', 'pipe', filter],
      timeout: 10_000,
      ...(isRoot ? { uid: PROBE_UID, gid: PROBE_UID } : {}),
    });
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

/** That bwrap is there, and new enough. */
export const checkBubblewrap = async (): Promise<HostCheck> => {
  const install = existsSync('/usr/bin/apt-get')
    ? 'apt-get install bubblewrap'
    : 'Install bubblewrap 0.8 or newer with your package manager';
  try {
    const { stdout } = await run('bwrap', ['--version']);
    const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(stdout) ?? [];
    const isRecent = Number(major) > 0 || Number(minor) >= 8;
    return isRecent
      ? ok('bubblewrap', stdout.trim())
      : failed('bubblewrap', stdout.trim(), `${install}: 0.8 brought --disable-userns`);
  } catch {
    return failed('bubblewrap', 'not installed', install);
  }
};

/** That bwrap can isolate a program on this host. */
export const checkIsolation = (): HostCheck => {
  const problem = tryBwrap();
  return problem === null
    ? ok(
        'isolation',
        'user, pid, mount, network, ipc and uts namespaces, no nested ones, seccomp filter',
      )
    : failed('isolation', problem, remedyFor(problem));
};
