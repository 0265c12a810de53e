import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import type { ResourceLimits } from '../types/sandbox.ts';
import type { Assets } from './assets.ts';
import { AGENT_COMMAND, bwrapArguments } from './bwrap.ts';
import type { Cgroup, Cgroups } from './cgroup.ts';
import { type Link, openLink } from './link.ts';
import { isAlive, startOf } from './proc.ts';
import { loadState, NO_ENV, type SupervisorState, saveState } from './state.ts';
import type { Trash } from './trash.ts';
import { refuseRoot, type Uids } from './uids.ts';

export type Supervisor = {
  ref: string;
  dir: string;
  state: SupervisorState;
  link: Link;
  cgroup: Cgroup | null;
};

export type Grounds = {
  base: string;
  assets: Assets;
  uids: Uids;
  cgroups: Cgroups | null;
  trash: Trash;
};

const START_TIMEOUT_MS = 20_000;

const layOut = (dir: string, uid: number): { runDir: string; workspace: string } => {
  const runDir = join(dir, 'run');
  const workspace = join(dir, 'home');
  for (const [folder, mode] of [
    [dir, 0o711],
    [runDir, 0o755],
    [workspace, 0o700],
  ] as const) {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, mode);
  }
  if (process.getuid?.() === 0) chownSync(workspace, uid, uid);
  return { runDir, workspace };
};

/** bwrap writes the pid of the sandbox's first process on the info descriptor as JSON. */
const readInnerPid = (stream: Duplex): Promise<number> =>
  new Promise((resolve, reject) => {
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk;
      const pid = /"child-pid":\s*(\d+)/.exec(text)?.[1];
      if (pid) resolve(Number(pid));
    });
    stream.once('close', () => reject(new Error('bwrap ended early')));
  });

const limitArguments = ({ diskBytes, processes }: ResourceLimits, isRoot: boolean): string[] => [
  '--core=0',
  '--nofile=4096:4096',
  `--fsize=${diskBytes}`,
  // Outside it counts everything of that user: fair only where the sandbox has a user of its own.
  ...(isRoot ? [`--nproc=${processes + 64}`] : []),
];

/** Set inside, the limit counts the sandbox's own user namespace (Linux 5.14 and newer). */
const innerLimit = ({ processes }: ResourceLimits, isRoot: boolean): string[] =>
  isRoot ? [] : ['/usr/bin/prlimit', `--nproc=${processes + 24}`];

/** What bwrap said, for people; nothing of a program's stack. Empty when its folder has been removed already. */
const readLog = (dir: string): string => {
  try {
    const lines = readFileSync(join(dir, 'log'), 'utf8').split('\n');
    return (lines.find((line) => /^(bwrap|prlimit|\w*Error)\b/.test(line)) ?? '').slice(0, 300);
  } catch {
    return '';
  }
};

export const startSupervisor = async (
  ref: string,
  { id, deployment }: { id: string | null; deployment: string },
  limits: ResourceLimits,
  grounds: Grounds,
): Promise<Supervisor> => {
  const { base, assets, uids, cgroups } = grounds;
  const dir = join(base, 'sandboxes', ref);
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  const uid = uids.take(dir);
  const isRoot = process.getuid?.() === 0;
  let link: Link | null = null;
  let cgroup: Cgroup | null = null;
  /** Both halves of bwrap: its state is not written yet while it is blocked. */
  const pids: number[] = [];
  try {
    refuseRoot(uid);
    const { runDir, workspace } = layOut(dir, uid);
    link = await openLink(join(runDir, 'control.sock'), uid);
    const argsFile = join(dir, 'args');
    writeFileSync(argsFile, bwrapArguments({ ...assets, runDir, workspace }).join('\0'));
    const fds = [
      openSync(argsFile, 'r'),
      openSync(assets.seccompFile, 'r'),
      openSync(join(dir, 'log'), 'a', 0o600),
    ] as const;
    const child = spawn(
      'prlimit',
      [
        ...limitArguments(limits, isRoot),
        'bwrap',
        '--args',
        '3',
        '--seccomp',
        '4',
        '--info-fd',
        '5',
        '--block-fd',
        '6',
        '--',
        ...innerLimit(limits, isRoot),
        ...AGENT_COMMAND,
      ],
      {
        cwd: '/',
        // What bwrap is started with can be read inside as /proc/1/environ: nothing of the server's may be in it.
        env: { PATH: '/usr/bin:/bin' },
        detached: true,
        stdio: ['ignore', fds[2], fds[2], fds[0], fds[1], 'pipe', 'pipe'],
        ...(isRoot ? { uid, gid: uid } : {}),
      },
    );
    // The types end at five descriptors.
    const stdio = child.stdio as readonly unknown[];
    fds.forEach(closeSync);
    // One that ends while it is told something: its exit is what counts.
    for (const pipe of [stdio[5], stdio[6]] as Duplex[]) pipe?.on('error', () => undefined);
    const failed = new Promise<never>((_, reject) => {
      child.on('error', (error: NodeJS.ErrnoException) =>
        reject(
          new AppError(
            'UNAVAILABLE',
            error.code === 'ENOENT'
              ? 'prlimit is not installed: install util-linux.'
              : error.message,
          ),
        ),
      );
      child.once('exit', () =>
        reject(
          new AppError(
            'UNAVAILABLE',
            `The sandbox did not start: ${readLog(dir) || 'bwrap ended'}. Run "sandbank doctor".`,
          ),
        ),
      );
    });
    failed.catch(() => undefined);
    const late = sleep(START_TIMEOUT_MS, undefined, { ref: false }).then(() =>
      Promise.reject(new AppError('UNAVAILABLE', 'The sandbox did not start in time.')),
    );
    late.catch(() => undefined);
    const pid = child.pid ?? 0;
    if (pid) pids.push(pid);
    const inner = await Promise.race([readInnerPid(stdio[5] as Duplex), failed, late]);
    pids.push(inner);
    if (cgroups) {
      // Blocked until now, the tree is two processes: everything that comes later is born inside the group.
      cgroup = cgroups.open(ref);
      cgroup.setLimits(limits);
      cgroup.add(pid);
      cgroup.add(inner);
    }
    const state: SupervisorState = {
      id,
      deployment,
      uid,
      pid,
      start: startOf(pid) ?? '',
      inner,
      innerStart: startOf(inner) ?? '',
      inode: statSync(dir).ino,
      limits,
      assets: assets.folders,
      settings: { env: NO_ENV, network: { mode: 'none', allow: [] } },
    };
    saveState(dir, state);
    (stdio[6] as Duplex).end('1');
    await Promise.race([link.ready, failed, late]);
    child.unref();
    rmSync(argsFile);
    return { ref, dir, state, link, cgroup };
  } catch (error) {
    link?.close();
    for (const pid of pids) kill(pid, startOf(pid) ?? '');
    // The reason of the failure is told, not that of the removal; the next start removes what is left.
    await removeRemains(dir, cgroup, grounds).catch(() => undefined);
    throw error;
  }
};

/** One that another server started: its socket is made anew, it dials again by itself. null when it has gone. */
export const adoptSupervisor = async (
  ref: string,
  { base, uids, cgroups }: Grounds,
): Promise<Supervisor | null> => {
  const dir = join(base, 'sandboxes', ref);
  const state = loadState(dir);
  if (!state || !isAlive(state.inner, state.innerStart) || !isAlive(state.pid, state.start))
    return null;
  uids.adopt(state.uid, dir);
  const link = await openLink(join(dir, 'run', 'control.sock'), state.uid);
  return { ref, dir, state, link, cgroup: cgroups?.open(ref) ?? null };
};

const kill = (pid: number, start: string): void => {
  try {
    if (start && isAlive(pid, start)) process.kill(pid, 'SIGKILL');
  } catch {
    // Gone between the look and the kill.
  }
};

/** Kills what lives (the kernel ends a pid namespace with its first process), then removes directory, group and user id. */
export const removeRemains = async (
  dir: string,
  cgroup: Cgroup | null,
  { uids, trash }: Pick<Grounds, 'uids' | 'trash'>,
): Promise<void> => {
  const state = loadState(dir);
  if (state) {
    kill(state.inner, state.innerStart);
    kill(state.pid, state.start);
    for (let attempt = 0; attempt < 500 && isAlive(state.inner, state.innerStart); attempt += 1)
      await sleep(10);
  }
  await cgroup?.remove();
  trash.discard(dir);
  if (state) uids.give(state.uid, dir);
};
