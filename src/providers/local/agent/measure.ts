import { readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;
const FIRST_SAMPLE_MS = 20;
const SAMPLE_MS = 250;

/** CPU seconds, user and system, of all children reaped so far, from /proc/self/stat fields 16 and 17 (ticks of 10 ms). */
const childrenCpuSeconds = (): number => {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
};

/**
 * CPU seconds since the last call. The kernel adds a child's time to ours when it is reaped: the growth since the last reaping is this
 * child's.
 */
export const openCpuMeter = (): (() => number) => {
  let seen = childrenCpuSeconds();
  return () => {
    const now = childrenCpuSeconds();
    const grown = Math.max(0, now - seen);
    seen = now;
    return grown;
  };
};

/** Peak resident bytes of a living process, null when it has gone. */
const peakMemory = (pid: number): number | null => {
  try {
    const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib ? Number(kib) * 1024 : null;
  } catch {
    return null;
  }
};

/** Looks at the peak of a process now and then. The function that is returned stops that and tells the highest one, null if none was seen. */
export const samplePeakMemory = (pidOf: () => number | null): (() => number | null) => {
  let highest: number | null = null;
  const sample = (): void => {
    const pid = pidOf();
    const peak = pid && peakMemory(pid);
    if (peak) highest = Math.max(highest ?? 0, peak);
  };
  // Not at once: until the program is loaded, it is our own memory that shows.
  const first = setTimeout(sample, FIRST_SAMPLE_MS);
  const sampler = setInterval(sample, SAMPLE_MS);
  return () => {
    clearTimeout(first);
    clearInterval(sampler);
    return highest;
  };
};
