import { AppError } from '../errors.ts';
import { eachBounded } from '../lib/bounded.ts';
import { createRetries } from '../lib/retries.ts';
import type { SandboxProcess } from '../providers/types/process.ts';
import type { Process } from '../store/types/process.ts';
import { everyTenant } from '../store/types/scope.ts';
import { closeAsRow, closeUnstarted } from './close.ts';
import type { PumpOptions } from './pump.ts';
import { createRecordings, type RecordOptions, type Started } from './recordings.ts';
import { ELSEWHERE } from './require-owned.ts';
import { type TakeUpOptions, takeUp } from './take-up.ts';

/** The processes whose output this server records. */
export type Pumps = {
  /** Before the row of a new process is written, until its output is recorded or its start has failed: a row that is seen meanwhile is not taken up. */
  announce(row: Pick<Process, 'id' | 'sandboxId'>): Disposable;
  /** Records everything the process says, then its exit. */
  start(row: Process, process: SandboxProcess, options?: RecordOptions): Started;
  /** Ends the row of a process that was surely not started. Never rejects: what fails is tried again. */
  neverStarted(row: Process): Promise<void>;
  /** Finds out later what became of a process that may have been started. */
  maybeStarted(row: Process): void;
  /** The running process, for stdin and signals; undefined when it has ended. */
  live(id: string): SandboxProcess | undefined;
  /** Settles when the process has been recorded to have ended. */
  finished(id: string): Promise<Process> | undefined;
  /** Whether it is recorded here, or may be soon. */
  isRecorded(id: string): boolean;
  /** Takes up what another server, or an earlier start of this one, was recording: in all sandboxes of this server, or in one. */
  takeUp(sandboxId?: string): Promise<void>;
  /** Records nothing more of a sandbox that another server looks after. */
  letGo(sandboxId: string): void;
  /** Ends the journals of those that were let go and have ended elsewhere since. */
  closeAway(): Promise<void>;
  dispose(): void;
};

/** Processes that are connected to at once. */
const WIDTH = 16;

const NOT_TAKEN_UP = 'a process could not be taken up, it is retried';
const STOPPED = new AppError('UNAVAILABLE', 'The server stops.');

export const createPumps = (parts: PumpOptions & TakeUpOptions): Pumps => {
  const { store, journal, lease, clock, log } = parts;
  /** By id, the sandbox that a process is being started in; null when another server has taken that meanwhile. */
  const announced = new Map<string, string | null>();
  const resuming = new Map<string, Promise<void>>();
  /** Recorded here once, and then by another server. */
  const away = new Set<string>();
  let isStopped = false;
  /** What was not acknowledged is kept by the provider: a full disk or a provider that is away costs time, not output. */
  const retries = createRetries((id, error) =>
    log.error({ err: error, process: id }, NOT_TAKEN_UP),
  );
  const resumeLater = (row: Process): void => retries.add(row.id, () => resume(row), 'resume');
  const recordings = createRecordings(parts, retries, resumeLater, (id) => away.add(id));

  const connect = async (row: Process): Promise<void> => {
    const process = await takeUp(parts, row, away.has(row.id));
    if (isStopped) return;
    if (process) recordings.start(row, process, { isFound: true });
    away.delete(row.id);
  };
  const resume = async (row: Process): Promise<void> => {
    const { id } = row;
    if (isStopped || recordings.has(id) || announced.has(id)) return;
    // At most one recording of a process, whoever asks.
    const work = resuming.get(id) ?? connect(row).finally(() => resuming.delete(id));
    resuming.set(id, work);
    await work;
  };

  return {
    announce({ id, sandboxId }) {
      announced.set(id, sandboxId);
      return { [Symbol.dispose]: () => void announced.delete(id) };
    },
    start: (row, process, options) =>
      recordings.start(row, process, { ...options, isFound: announced.get(row.id) === null }),
    async neverStarted(row) {
      const at = clock();
      await closeUnstarted(parts, row, at).catch((error: unknown) => {
        log.error({ err: error, process: row.id }, 'the failure of a start is written later');
        retries.add(row.id, () => closeUnstarted(parts, row, at), 'unstarted');
      });
    },
    maybeStarted: resumeLater,
    live: (id) => recordings.get(id)?.process,
    finished: (id) => recordings.get(id)?.done,
    isRecorded: (id) => recordings.has(id) || announced.has(id) || resuming.has(id),
    async takeUp(sandboxId) {
      const rows = await store.processes.unfinished(lease.fence.owner, sandboxId);
      await eachBounded(rows, WIDTH, (row) =>
        resume(row).catch((error: unknown) => {
          log.error({ err: error, process: row.id }, NOT_TAKEN_UP);
          resumeLater(row);
        }),
      );
    },
    letGo(sandboxId) {
      for (const id of recordings.letGo(ELSEWHERE, sandboxId)) away.add(id);
      for (const [id, place] of announced) if (place === sandboxId) announced.set(id, null);
    },
    async closeAway() {
      const rows = await store.processes.findMany(everyTenant, [...away]);
      const unfinished = rows.flatMap((row) => (row?.endedAt === null ? [row.id] : []));
      for (const row of rows) if (row && !recordings.has(row.id)) await closeAsRow(journal, row);
      for (const id of away) if (!unfinished.includes(id)) away.delete(id);
    },
    dispose: () => {
      isStopped = true;
      retries.dispose();
      recordings.letGo(STOPPED);
    },
  };
};
