import { readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/** CPU seconds, user and system, of all children reaped so far, from /proc/self/stat fields 16 and 17 (ticks of 10 ms). */
export const childrenCpuSeconds = (): number => {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
};

/** Peak resident bytes of a living process, null when it has gone. */
export const peakMemory = (pid: number): number | null => {
  try {
    const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib ? Number(kib) * 1024 : null;
  } catch {
    return null;
  }
};
