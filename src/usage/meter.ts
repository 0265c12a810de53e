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
  /** Slices are booked only by the server that owns the sandbox, and only while its lease holds. */
  lease: { fence: Fence; isHeld(): boolean };
  sliceMs: number;
  /** Told of each slice that was written. */
  onUsageRecorded: OnUsageRecorded;
  clock: () => number;
  log: Logger;
}): Meter => {
  const watched = new Map<string, Watched>();

  const book = async (one: Watched): Promise<void> => {
    const { row } = one;
    const next = await nextSlice(one, { measure: true, now: clock() });
    // Without the lease another server may be booking the same time; the next slice has it.
    if (!next || !lease.isHeld()) return;
    const { slice, now } = next;
    const written = await store.usage.book(row, slice, lease.fence);
    one.last = now;
    if (written) {
      one.row = { ...row, bookedAt: slice.to, bookedCpuSeconds: slice.cpuSeconds };
      onUsageRecorded(row, slice.entries);
      return;
    }
    // Booked by another, or not ready any more: the change that ended it has booked the rest.
    const found = await store.sandboxes.find(row.tenant, row.id);
    if (found?.state === 'READY' && found.owner === lease.fence.owner) one.row = found;
    else if (watched.get(row.id) === one) watched.delete(row.id);
  };

  const endNow = async (
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

  const logFailure = (row: Sandbox, error: unknown): void =>
    log.error(
      { err: error, sandbox: row.id },
      'usage could not be booked; the next slice contains it',
    );

  const timer = setInterval(() => {
    for (const one of watched.values())
      one.work = one.work
        .then(() => book(one))
        .catch((error: unknown) => logFailure(one.row, error));
  }, sliceMs).unref();

  return {
    watch(row, handle) {
      watched.set(row.id, { row, handle, last: unmeasured(row), work: Promise.resolve() });
    },
    async end(row, { measure }, write) {
      const one = watched.get(row.id);
      if (!one) return endNow({ row, handle: null, last: unmeasured(row) }, false, write);
      const work = one.work.then(() => endNow(one, measure, write));
      one.work = work.catch(() => undefined);
      const changed = await work;
      if (changed && watched.get(row.id) === one) watched.delete(row.id);
      return changed;
    },
    forget: (id) => void watched.delete(id),
    dispose() {
      clearInterval(timer);
      watched.clear();
    },
  };
};
