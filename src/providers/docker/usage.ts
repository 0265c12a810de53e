import type { ResourceUsage } from '../types/sandbox.ts';
import type { Engine } from './engine.ts';
import type { Facts } from './labels.ts';

const number = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** Bytes over all interfaces; null where the engine names none. */
const networkBytes = (networks: unknown): number | null => {
  const all = Object.values(record(networks)).map(record);
  if (all.length === 0) return null;
  return all.reduce(
    (sum, one) => sum + (number(one.rx_bytes) ?? 0) + (number(one.tx_bytes) ?? 0),
    0,
  );
};

/** `isNew`: the handle is as old as the sandbox, so that all of its traffic counts. */
export const createUsage = (
  { docker, call }: Engine,
  ref: string,
  { limits, hasNetwork }: Facts,
  isNew: boolean,
): ((signal: AbortSignal) => Promise<ResourceUsage>) => {
  let before: number | null = isNew ? 0 : null;
  return async (signal) => {
    const stats = record(
      await call(
        'measure a container',
        (options) =>
          docker.getContainer(ref).stats({ ...options, stream: false, 'one-shot': true }),
        signal,
      ),
    );
    const cpu = number(record(record(stats.cpu_stats).cpu_usage).total_usage);
    const memory = record(stats.memory_stats);
    const total = hasNetwork ? networkBytes(stats.networks) : 0;
    before ??= total;
    return {
      cpuSeconds: cpu === null ? null : cpu / 1e9,
      memoryBytes: number(memory.usage),
      // Only the first version of control groups keeps it, and some engines give a zero instead.
      peakMemoryBytes: number(memory.max_usage) || null,
      diskBytes: null,
      processes: number(record(stats.pids_stats).current),
      egressBytes: total === null ? null : Math.max(0, total - (before ?? 0)),
      limits,
      enforcement: {
        cpus: 'control group of the container engine',
        memory: 'control group of the container engine, without swap',
        disk: 'not enforced: the container shares the disk of the engine',
        processes: 'control group of the container engine',
      },
    };
  };
};
