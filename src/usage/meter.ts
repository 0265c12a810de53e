import type { Logger } from 'pino';
import type { Lease } from '../pool/lease.ts';
import type { SandboxHandle } from '../providers/provider.ts';
import type { Store } from '../store/store.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { UsageEntry } from '../store/types/usage.ts';
import type { Summed } from './metrics.ts';

export type Meter = {
  /** From now on what it uses is recorded, every slice and at its end. */
  watch(row: Sandbox, handle: SandboxHandle): void;
  /** Books what is not recorded yet and watches no longer. `measure: false` for one that can no longer be asked. Never rejects. */
  close(id: string, measure: boolean): Promise<void>;
  /** Watches no longer, and books nothing more: another server does. */
  forget(id: string): void;
  dispose(): void;
};

export type OnUsageRecorded = (
  row: Pick<Sandbox, 'tenant' | 'plan' | 'createdBy'>,
  entries: readonly UsageEntry[],
) => void;

/** `egressBytes` since this server is connected; the other totals since the sandbox began. */
type Sample = { cpuSeconds: number; egressBytes: number; memoryBytes: number; diskBytes: number };

type Watched = {
  row: Sandbox;
  handle: SandboxHandle;
  /** The last measurement: until the next one it stands for what is in use. */
  last: Sample;
  /** One booking at a time. */
  work: Promise<unknown>;
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

/**
 * Books what sandboxes really used, slice by slice. A slice and the instant until which is recorded are written as one, and its entries are
 * named by that instant: a server that is killed, or two of them, neither lose nor repeat one.
 */
export const createMeter = ({
  store,
  lease,
  sliceMs,
  onUsageRecorded,
  clock,
  log,
}: {
  store: Store;
  lease: Pick<Lease, 'fence' | 'isHeld'>;
  sliceMs: number;
  /** Told of each slice that was written. */
  onUsageRecorded: OnUsageRecorded;
  clock: () => number;
  log: Logger;
}): Meter => {
  const watched = new Map<string, Watched>();

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

  const book = async (one: Watched, measure: boolean): Promise<void> => {
    const { row, handle, last } = one;
    const { bookedAt: from } = row;
    // Without the lease another server may be booking the same time; the next slice has it.
    if (from === null || !lease.isHeld()) return;
    const usage = measure ? await within(handle.usage(), null) : null;
    const to = Math.max(clock(), from);
    const now: Sample = usage ? { ...usage, egressBytes: usage.egressBytes ?? 0 } : last;
    // Should the provider's total begin anew, what was recorded stays.
    const cpuSeconds = Math.max(now.cpuSeconds, row.bookedCpuSeconds);
    const entries = entriesOf(
      row,
      { from, to },
      { ...last, cpuSeconds: row.bookedCpuSeconds },
      { ...now, cpuSeconds },
    );
    const written = await store.usage.book(row, { from, to, cpuSeconds, entries }, lease.fence);
    one.last = now;
    one.row = written
      ? { ...row, bookedAt: to, bookedCpuSeconds: cpuSeconds }
      : ((await store.sandboxes.find(row.tenant, row.id)) ?? row);
    if (written) onUsageRecorded(row, entries);
  };

  const bookNext = (one: Watched, measure: boolean): Promise<void> => {
    const work = one.work.then(() => book(one, measure));
    one.work = work.catch((error: unknown) =>
      log.error(
        { err: error, sandbox: one.row.id },
        'usage could not be booked; the next slice has it',
      ),
    );
    return one.work as Promise<void>;
  };

  const timer = setInterval(() => {
    for (const one of watched.values()) void bookNext(one, true);
  }, sliceMs).unref();

  return {
    watch(row, handle) {
      const last = {
        cpuSeconds: row.bookedCpuSeconds,
        egressBytes: 0,
        memoryBytes: 0,
        diskBytes: 0,
      };
      watched.set(row.id, { row, handle, last, work: Promise.resolve() });
    },
    async close(id, measure) {
      const one = watched.get(id);
      if (!one) return;
      watched.delete(id);
      await bookNext(one, measure);
    },
    forget: (id) => void watched.delete(id),
    dispose() {
      clearInterval(timer);
      watched.clear();
    },
  };
};
