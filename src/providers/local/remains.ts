import { setTimeout as sleep } from 'node:timers/promises';
import type { Cgroup } from './cgroup.ts';
import type { Host } from './host.ts';
import { isAlive } from './proc.ts';
import { loadState } from './state.ts';

export const kill = (pid: number, start: string): void => {
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
  { uids, trash }: Pick<Host, 'uids' | 'trash'>,
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
