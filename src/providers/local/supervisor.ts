import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ResourceLimits } from '../types/sandbox.ts';
import type { Cgroup } from './cgroup.ts';
import type { Host } from './host.ts';
import { launch } from './launch.ts';
import { type Link, openLink } from './link.ts';
import { isAlive, startOf } from './proc.ts';
import { kill, removeRemains } from './remains.ts';
import { loadState, NO_ENV, type SupervisorState, saveState } from './state.ts';
import { refuseRoot } from './uids.ts';

export type Supervisor = {
  ref: string;
  dir: string;
  state: SupervisorState;
  link: Link;
  cgroup: Cgroup | null;
};

/** What a supervisor that is being started consists of so far: a failure has to undo it. */
type Started = {
  link: Link | null;
  cgroup: Cgroup | null;
  /** Both halves of bwrap: its state is not written yet while it is blocked. */
  pids: number[];
};

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

/**
 * One that waits for an assignment. It has no id yet, so that nobody finds it by one before all that its sandbox was asked to have is written
 * down with it: what a kill leaves of a start is swept away, not adopted.
 */
export const startSupervisor = async (
  ref: string,
  deployment: string,
  limits: ResourceLimits,
  host: Host,
  signal?: AbortSignal,
): Promise<Supervisor> => {
  const { base, assets, uids, cgroups } = host;
  const dir = join(base, 'sandboxes', ref);
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  const uid = uids.take(dir);
  const started: Started = { link: null, cgroup: null, pids: [] };
  try {
    refuseRoot(uid);
    const { runDir, workspace } = layOut(dir, uid);
    const link = await openLink(join(runDir, 'control.sock'), uid);
    started.link = link;
    const rootfs = { ...assets, runDir, workspace };
    const { seccompFile } = assets;
    const launched = launch({ dir, uid, limits, rootfs, seccompFile, signal });
    const { pid } = launched;
    if (pid) started.pids.push(pid);
    const inner = await launched.whileStarting(launched.inner());
    started.pids.push(inner);
    // Blocked until now, the tree is two processes: everything that comes later is born inside the group.
    const cgroup = cgroups?.open(ref) ?? null;
    started.cgroup = cgroup;
    cgroup?.setLimits(limits);
    for (const half of started.pids) cgroup?.add(half);
    const state: SupervisorState = {
      id: null,
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
    launched.unblock();
    await launched.whileStarting(link.ready);
    launched.detach();
    return { ref, dir, state, link, cgroup };
  } catch (error) {
    started.link?.close();
    for (const pid of started.pids) kill(pid, startOf(pid) ?? '');
    // The caller gets the reason of this failure, not that of the removal; the next start removes what is left.
    await removeRemains(dir, started.cgroup, host).catch(() => undefined);
    throw error;
  }
};

/** One that another server started: its socket is made anew, it dials again by itself. null when it has gone. */
export const adoptSupervisor = async (
  ref: string,
  { base, uids, cgroups }: Host,
): Promise<Supervisor | null> => {
  const dir = join(base, 'sandboxes', ref);
  const state = loadState(dir);
  if (!state || !isAlive(state.inner, state.innerStart) || !isAlive(state.pid, state.start))
    return null;
  uids.adopt(state.uid, dir);
  const link = await openLink(join(dir, 'run', 'control.sock'), state.uid);
  return { ref, dir, state, link, cgroup: cgroups?.open(ref) ?? null };
};
