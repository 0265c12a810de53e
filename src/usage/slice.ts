import type { SandboxHandle } from '../providers/types/handle.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { UsageEntry, UsageSlice } from '../store/types/usage.ts';
import type { Summed } from './metrics.ts';

/** `egressBytes` since this server is connected; the other totals since the sandbox began. */
export type Sample = {
  cpuSeconds: number;
  egressBytes: number;
  memoryBytes: number;
  diskBytes: number;
};

/** A sandbox whose use is booked. `handle` is null for one that cannot be asked. */
export type Metered = {
  row: Sandbox;
  handle: SandboxHandle | null;
  /** The last measurement: until the next one it stands for what is in use. */
  last: Sample;
};

const MIB = 2 ** 20;
/** An end does not wait longer than this to be measured. */
const MEASURE_MS = 1_000;

const within = <Value>(work: Promise<Value>, fallback: Value): Promise<Value> => {
  let timer: NodeJS.Timeout;
  const late = new Promise<Value>((resolve) => {
    timer = setTimeout(() => resolve(fallback), MEASURE_MS);
  });
  return Promise.race([work.catch(() => fallback), late]).finally(() => clearTimeout(timer));
};

export const unmeasured = ({ bookedCpuSeconds }: Sandbox): Sample => ({
  cpuSeconds: bookedCpuSeconds,
  egressBytes: 0,
  memoryBytes: 0,
  diskBytes: 0,
});

const entriesOf = (
  row: Sandbox,
  { from, to }: { from: number; to: number },
  before: Sample,
  now: Sample,
): UsageEntry[] => {
  const seconds = (to - from) / 1_000;
  const held = (bytes: number, next: number): number => ((bytes + next) / 2 / MIB) * seconds;
  const amounts: [Summed, number][] = [
    ['sandboxSeconds', seconds],
    ['cpuSeconds', now.cpuSeconds - before.cpuSeconds],
    ['memoryMBSeconds', held(before.memoryBytes, now.memoryBytes)],
    ['storageMBSeconds', held(before.diskBytes, now.diskBytes)],
    ['egressBytes', now.egressBytes - before.egressBytes],
  ];
  return amounts
    .filter(([, amount]) => amount > 0)
    .map(([metric, amount]) => ({
      id: `${row.id}:${from}:${metric}`,
      tenant: row.tenant,
      subject: row.createdBy,
      sandboxId: row.id,
      metric,
      amount,
      at: to,
    }));
};

/** What is not booked yet, and the sample it ends with; null for a sandbox that was never ready. */
export const nextSlice = async (
  { row, handle, last }: Metered,
  { measure, now: instant }: { measure: boolean; now: number },
): Promise<{ slice: UsageSlice; now: Sample } | null> => {
  const { bookedAt: from, bookedCpuSeconds } = row;
  if (from === null) return null;
  const usage = measure && handle ? await within(handle.usage(), null) : null;
  // Nobody looked at one without a handle: it may have ended at any time, but not after its expiry.
  const to = Math.max(handle ? instant : Math.min(instant, row.expiresAt), from);
  // What the provider does not measure is not billed; what it does not say this time stays as it was.
  const now: Sample = usage
    ? {
        cpuSeconds: usage.cpuSeconds ?? last.cpuSeconds,
        egressBytes: usage.egressBytes ?? last.egressBytes,
        memoryBytes: usage.memoryBytes ?? last.memoryBytes,
        diskBytes: usage.diskBytes ?? last.diskBytes,
      }
    : last;
  // Should the provider's total begin anew, what was recorded stays.
  const cpuSeconds = Math.max(now.cpuSeconds, bookedCpuSeconds);
  const entries = entriesOf(
    row,
    { from, to },
    { ...last, cpuSeconds: bookedCpuSeconds },
    { ...now, cpuSeconds },
  );
  return { slice: { from, to, cpuSeconds, entries }, now };
};
