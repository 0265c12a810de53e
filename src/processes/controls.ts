import { AppError } from '../errors.ts';
import { withTimeLimit } from '../lib/time-limit.ts';
import type { Lease } from '../pool/lease.ts';
import type { SandboxProcess } from '../providers/types/process.ts';
import type { SandboxAccess } from '../sandboxes/access.ts';
import type { Store } from '../store/store.ts';
import type { Process } from '../store/types/process.ts';
import type { ProcessFinder } from './find.ts';
import type { ProcessService } from './operations.ts';
import type { Pumps } from './pumps.ts';
import { notTakenUp, waitForExit } from './wait-for-exit.ts';

type Controls = Pick<
  ProcessService,
  'write' | 'closeStdin' | 'signal' | 'resize' | 'wait' | 'hangUp'
>;

/** How long a terminal has to end by itself after a hang-up, then to be gone after it was killed, in milliseconds. */
const HANG_UP_MS = 500;
const KILL_MS = 10_000;

/** The outcome of `done`, or null when there is none after `ms`. */
const within = <Value>(done: Promise<Value>, ms: number): Promise<Value | null> =>
  withTimeLimit<Value | null>(done, ms, () => TOO_LATE).catch((error: unknown) => {
    if (error === TOO_LATE) return null;
    throw error;
  });
const TOO_LATE = new Error('It takes too long.');

/** A hang-up, then a kill; null when it has not ended after both. Throws what refused the kill. */
const end = async (process: SandboxProcess, done: Promise<Process>): Promise<Process | null> => {
  process.signal('SIGHUP').catch(() => undefined);
  const row = await within(done, HANG_UP_MS);
  if (row) return row;
  const killed = process.signal('SIGKILL').then(
    () => null,
    (error: unknown) => ({ error }),
  );
  const gone = await within(done, KILL_MS);
  if (gone) return gone;
  const refusal = await within(killed, 0);
  if (refusal) throw refusal.error;
  return null;
};

/** What is done to a process that runs. */
export const createControls = ({
  store,
  lease,
  sandboxes,
  pumps,
  finder: { find, live },
}: {
  store: Store;
  lease: Lease;
  sandboxes: SandboxAccess;
  pumps: Pumps;
  finder: ProcessFinder;
}): Controls => ({
  async write(principal, id, bytes) {
    const { row, process } = await live(principal, id);
    await process.write(bytes);
    return row;
  },
  async closeStdin(principal, id) {
    const { row, process } = await live(principal, id);
    await process.closeStdin();
    return row;
  },
  async signal(principal, id, name) {
    const { row, process } = await live(principal, id);
    await process.signal(name);
    return row;
  },
  async resize(principal, id, { cols, rows }) {
    const { row, process } = await live(principal, id);
    await process.resize({ cols, rows });
    const from = ['STARTING', 'RUNNING'] as const;
    await store.processes.update(row.tenant, id, { cols, rows }, from, lease.fence);
    return { ...row, cols, rows };
  },
  wait: (principal, id, timeoutMs, signal) =>
    waitForExit(() => find(principal, id, 'read'), pumps, timeoutMs, signal),
  async hangUp(principal, id) {
    const row = await find(principal, id, 'write');
    const process = pumps.live(id);
    const done = pumps.finished(id);
    if (!process || !done) {
      if (row.endedAt !== null) return row;
      await sandboxes.requireHere(row.tenant, row.sandboxId);
      throw notTakenUp(id);
    }
    const ended = await end(process, done);
    if (ended) return ended;
    throw new AppError(
      'TIMEOUT',
      `The terminal ${id} was killed but has not ended within ${KILL_MS / 1_000} seconds. Try again, or destroy its sandbox.`,
    );
  },
});
