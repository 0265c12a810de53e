import { readFileSync } from 'node:fs';

/** Field 22 of /proc/PID/stat: with the pid it names one process for ever. null when there is none (or a zombie). */
export const startOf = (pid: number): string | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
};

export const isAlive = (pid: number, start: string): boolean => startOf(pid) === start;
