import { AppError } from '../errors.ts';
import { createRetries } from '../lib/retries.ts';
import type { SandboxProcess } from '../providers/types/process.ts';
import type { Process } from '../store/types/process.ts';
import { type OnOutput, type PumpOptions, pump } from './pump.ts';
import { createRequireOwned } from './require-owned.ts';
import { type TakeUpOptions, takeUp } from './take-up.ts';

/** The processes whose output this server records. */
export type Pumps = {
  /** Before the row of a new process is written, until its output is recorded or its start has failed: a row that is seen meanwhile is not taken up. */
  announce(id: string): Disposable;
  /** Records everything the process says, then its exit; resolves with the finished row. */
  start(row: Process, process: SandboxProcess, onOutput?: OnOutput): Promise<Process>;
  /** The running process, for stdin and signals; undefined when it has ended. */
  live(id: string): SandboxProcess | undefined;
  /** Settles when the process has been recorded to have ended. */
  finished(id: string): Promise<Process> | undefined;
  /** Takes up what another server, or an earlier start of this one, was recording: in all sandboxes of this server, or in one. */
  takeUp(sandboxId?: string): Promise<void>;
  /** Records nothing more of a sandbox that another server looks after. */
  letGo(sandboxId: string): void;
  dispose(): void;
};

type Running = { sandboxId: string; process: SandboxProcess; done: Promise<Process> };

const isRecordedLater = (id: string, cause: unknown): AppError =>
  new AppError(
    'UNAVAILABLE',
    `The process ${id} was started, but what it does cannot be recorded at the moment. Do not start it again: its output and its end are recorded later.`,
    { retryable: false, details: { processId: id }, cause },
  );

const NOT_TAKEN_UP = 'a process could not be taken up, it is retried';

export const createPumps = (
  parts: Omit<PumpOptions & TakeUpOptions, 'requireOwned' | 'stopped'>,
): Pumps => {
  const { store, lease, log } = parts;
  const running = new Map<string, Running>();
  const announced = new Set<string>();
  const stop = new AbortController();
  const requireOwned = createRequireOwned(store, lease);
  const options = {
    ...parts,
    requireOwned: (row: Process) => requireOwned(row, () => running.has(row.id), stop.signal),
    stopped: stop.signal,
  };
  /** What was not acknowledged is kept by the provider: a full disk or a provider that is away costs time, not output. */
  const retries = createRetries((id, error) =>
    log.error({ err: error, process: id }, NOT_TAKEN_UP),
  );

  const start = (row: Process, process: SandboxProcess, onOutput?: OnOutput): Promise<Process> => {
    const done = Promise.resolve()
      .then(() => pump(options, row, process, onOutput))
      .finally(() => running.delete(row.id));
    running.set(row.id, { sandboxId: row.sandboxId, process, done });
    done.catch((error: unknown) => {
      log.error({ err: error, process: row.id }, 'the output of a process could not be recorded');
      retries.add(row.id, () => resume(row));
    });
    // Whoever waits must not run it a second time because its record is late.
    const told = done.catch((error: unknown) => {
      throw isRecordedLater(row.id, error);
    });
    // Nobody may be waiting, and a rejection that nobody handles ends the server.
    told.catch(() => undefined);
    return told;
  };

  const resume = async (row: Process): Promise<void> => {
    if (stop.signal.aborted || running.has(row.id) || announced.has(row.id)) return;
    const process = await takeUp(options, row);
    if (process) void start(row, process).catch(() => undefined);
  };

  return {
    announce(id) {
      announced.add(id);
      return { [Symbol.dispose]: () => void announced.delete(id) };
    },
    start,
    live: (id) => running.get(id)?.process,
    finished: (id) => running.get(id)?.done,
    async takeUp(sandboxId) {
      const rows = await store.processes.unfinished(lease.fence.owner, sandboxId);
      await Promise.all(
        rows.map((row) =>
          resume(row).catch((error: unknown) => {
            log.error({ err: error, process: row.id }, NOT_TAKEN_UP);
            retries.add(row.id, () => resume(row));
          }),
        ),
      );
    },
    letGo(sandboxId) {
      for (const [id, one] of running) if (one.sandboxId === sandboxId) running.delete(id);
    },
    dispose: () => {
      stop.abort();
      retries.dispose();
    },
  };
};
