import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { CgroupUsage } from './cgroup.ts';

const TICKS_PER_SECOND = 100;

type Measured = { cpuSeconds: number; memoryBytes: number; hasMemory: boolean };

/** What one process of the host has used; null when it ended meanwhile or is none of ours. */
const measure = (pid: string): Measured | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // After the name (which may contain anything): utime, stime and those of the children it has waited for.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kibibytes = ['RssAnon', 'RssShmem'].reduce(
      (sum, name) => sum + Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0),
      0,
    );
    return {
      cpuSeconds: ticks / TICKS_PER_SECOND,
      memoryBytes: kibibytes * 1_024,
      // One that is ending, or waits to be reaped, has given its memory back and runs no more.
      hasMemory: /^VmRSS:/m.test(status),
    };
  } catch {
    return null;
  }
};

/**
 * For hosts without a writable cgroup: adds up all processes in the pid namespace of `inner`, the sandbox's first process. Shared
 * pages of programs are not counted, files in /tmp neither; the peak is that of the moments it was asked. CPU time never falls.
 */
export const openProcUsage = (inner: number): (() => CgroupUsage) => {
  let namespace: string | null = null;
  let cpuSeconds = 0;
  let peakMemoryBytes = 0;
  const namespaceOf = (pid: string | number): string | null => {
    try {
      return readlinkSync(`/proc/${pid}/ns/pid`);
    } catch {
      return null;
    }
  };
  return () => {
    namespace ??= namespaceOf(inner);
    const measured = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && namespace && namespaceOf(name) === namespace)
      .flatMap((pid) => measure(pid) ?? []);
    const memoryBytes = measured.reduce((sum, one) => sum + one.memoryBytes, 0);
    peakMemoryBytes = Math.max(peakMemoryBytes, memoryBytes);
    cpuSeconds = Math.max(
      cpuSeconds,
      measured.reduce((sum, one) => sum + one.cpuSeconds, 0),
    );
    const processes = measured.filter(({ hasMemory }) => hasMemory).length;
    return { cpuSeconds, memoryBytes, peakMemoryBytes, processes };
  };
};
