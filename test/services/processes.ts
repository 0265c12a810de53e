import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** The state letter of /proc/PID/stat, after the name in parentheses, which may itself hold any character. */
const stateOf = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] ?? 'X';
  } catch {
    return 'X';
  }
};

/** Whether the process runs; a zombie, which only waits for its parent to notice, does not. */
export const isAlive = (pid: number): boolean => !'XZ'.includes(stateOf(pid));

const folderOf = (pid: number): string => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
};

/** The processes that work in `folder`; all of PostgreSQL's work in their data directory. */
export const processesIn = (folder: string): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && folderOf(pid).startsWith(folder) && isAlive(pid));

export const signalProcess = (pid: number, signal: NodeJS.Signals): void => {
  // 0 would be all of this process group: it stands for a process that could not be started.
  if (pid === 0) return;
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone, which is what a signal here is for.
  }
};

/** Polls until `check` answers something other than undefined. */
export const poll = async <T>(
  what: string,
  timeoutMs: number,
  check: () => Promise<T | undefined> | T | undefined,
): Promise<T> => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const result = await check();
    if (result !== undefined) return result;
    if (Date.now() > deadline) throw new Error(`${what} within ${timeoutMs / 1_000} seconds.`);
    await sleep(20);
  }
};
