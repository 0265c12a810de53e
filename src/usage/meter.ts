import type { Logger } from 'pino';
import type { SandboxHandle } from '../providers/types/handle.ts';
import type { Store } from '../store/store.ts';
import type { Fence } from '../store/types/fence.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { SandboxChange } from '../store/types/sandbox-store.ts';
import type { UsageEntry } from '../store/types/usage.ts';
import { type Metered, nextSlice, unmeasured } from './slice.ts';

export type Meter = {
  /** From now on what it uses is recorded, every slice and at its end. */
  watch(row: Sandbox, handle: SandboxHandle): void;
  /**
   * Ends the use of a sandbox with the change that ends it: `write` makes that change and books, in the same transaction, what is not booked
   * yet. `measure: false` for one that can no longer be asked. What nobody watched is booked until now, at most until its expiry. Returns
   * what `write` does.
   */
  end(
    row: Sandbox,
    options: { measure: boolean },
    write: (last: LastSlice) => Promise<Sandbox | null>,
  ): Promise<Sandbox | null>;
  /** Watches no longer and books nothing. */
  forget(id: string): void;
  dispose(): void;
};

/** As a condition of the change: nobody has booked anything in between. */
export type LastSlice = Pick<SandboxChange, 'slice' | 'expect'>;

export type OnUsageRecorded = (
  row: Pick<Sandbox, 'tenant' | 'plan' | 'createdBy'>,
  entries: readonly UsageEntry[],
) => void;

/** `work`: one booking at a time. */
type Watched = Metered & { work: Promise<unknown> };

/** Others book a slice every few seconds, not several while one change is written. */
const MAX_ATTEMPTS = 5;

export type MeterOptions = {
  store: Store;
  /** Slices are booked only by the server that owns the sandbox, and only while its lease holds. */
  lease: { fence: Fence; isHeld(): boolean };
  sliceMs: number;
  /** Told of each slice that was written. */
  onUsageRecorded: OnUsageRecorded;
  clock: () => number;
  log: Logger;
};

/** Books the next slice of one that lives. False: its use is no longer booked here. */
const book = async (
  { store, lease, onUsageRecorded, clock }: MeterOptions,
  one: Watched,
): Promise<boolean> => {
  const { row } = one;
  const next = await nextSlice(one, { measure: true, now: clock() });
  // Without the lease another server may be booking the same time; the next slice has it.
  if (!next || !lease.isHeld()) return true;
  const { slice, now } = next;
  const written = await store.usage.book(row, slice, lease.fence);
  one.last = now;
  if (written) {
    one.row = { ...row, bookedAt: slice.to, bookedCpuSeconds: slice.cpuSeconds };
    onUsageRecorded(row, slice.entries);
    return true;
  }
  // Booked by another, or not ready any more: the change that ended it has booked the rest.
  const found = await store.sandboxes.find(row.tenant, row.id);
  if (found?.state !== 'READY' || found.owner !== lease.fence.owner) return false;
  one.row = found;
  return true;
};

/** Books the last slice with the change that `write` makes. */
const bookEnd = async (
  { store, onUsageRecorded, clock }: MeterOptions,
  one: Metered,
  measure: boolean,
  write: (last: LastSlice) => Promise<Sandbox | null>,
): Promise<Sandbox | null> => {
  let { row } = one;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const next = await nextSlice({ ...one, row }, { measure, now: clock() });
    const changed = await write(next ? { slice: next.slice } : { expect: { bookedAt: null } });
    if (changed) {
      if (next) onUsageRecorded(row, next.slice.entries);
      return changed;
    }
    const found = await store.sandboxes.find(row.tenant, row.id);
    if (!found || found.bookedAt === row.bookedAt) return null;
    row = found;
  }
  return null;
};

/**
 * Books what sandboxes really used, slice by slice. A slice and the instant until which is recorded are written as one, and its entries are
 * named by that instant: a server that is killed, or two of them, neither lose nor repeat one.
 */
export const createMeter = (options: MeterOptions): Meter => {
  const { sliceMs, log } = options;
  const watched = new Map<string, Watched>();
  const unwatch = (one: Watched): void => {
    if (watched.get(one.row.id) === one) watched.delete(one.row.id);
  };
  const bookSafely = async (one: Watched): Promise<void> => {
    try {
      if (!(await book(options, one))) unwatch(one);
    } catch (error) {
      log.error(
        { err: error, sandbox: one.row.id },
        'usage could not be booked; the next slice contains it',
      );
    }
  };
  const timer = setInterval(() => {
    for (const one of watched.values()) one.work = one.work.then(() => bookSafely(one));
  }, sliceMs).unref();

  return {
    watch(row, handle) {
      watched.set(row.id, { row, handle, last: unmeasured(row), work: Promise.resolve() });
    },
    async end(row, { measure }, write) {
      const one = watched.get(row.id);
      if (!one) return bookEnd(options, { row, handle: null, last: unmeasured(row) }, false, write);
      const work = one.work.then(() => bookEnd(options, one, measure, write));
      one.work = work.catch(() => undefined);
      const changed = await work;
      if (changed) unwatch(one);
      return changed;
    },
    forget: (id) => void watched.delete(id),
    dispose() {
      clearInterval(timer);
      watched.clear();
    },
  };
};
