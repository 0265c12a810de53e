import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import { createRetries } from '../lib/retries.ts';
import type { Lease } from '../pool/lease.ts';
import type { Pool } from '../pool/pool.ts';
import {
  LOST,
  type OutputStream,
  type ProcessExit,
  type SandboxProcess,
} from '../providers/types/process.ts';
import type { Store } from '../store/store.ts';
import type { Process } from '../store/types/process.ts';
import { createRecorder, exitOf, positionOf, stateOf, topicOf } from './records.ts';
import { createRequireOwned } from './require-owned.ts';

export type OnOutput = (stream: OutputStream, bytes: Uint8Array) => void;

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

export const createPumps = ({
  store,
  journal,
  pool,
  lease,
  clock,
  log,
}: {
  store: Store;
  journal: Journal;
  pool: Pool;
  lease: Lease;
  clock: () => number;
  log: Logger;
}): Pumps => {
  const requireOwned = createRequireOwned(store, lease);
  const running = new Map<string, Running>();
  const announced = new Set<string>();
  const stop = new AbortController();
  /** What was not acknowledged is kept by the provider: a full disk or a provider that is away costs time, not output. */
  const retries = createRetries((id, error) =>
    log.error({ err: error, process: id }, NOT_TAKEN_UP),
  );

  const close = async (row: Process, exit: ProcessExit, at: number): Promise<Process> => {
    await journal.end(topicOf(row.id));
    const { kind: _, reason: __, ...facts } = exit;
    const patch = { state: stateOf(exit), ...facts, pid: row.pid, endedAt: at };
    const from = ['STARTING', 'RUNNING'] as const;
    await store.processes.update(row.tenant, row.id, patch, from, lease.fence);
    return { ...row, ...patch };
  };

  /** The pull of the next chunk acknowledges the one before, so each is in the journal by then. */
  const pump = async (
    row: Process,
    process: SandboxProcess,
    onOutput: OnOutput | undefined,
  ): Promise<Process> => {
    const topic = topicOf(row.id);
    if (row.ref !== null) await store.processes.update(row.tenant, row.id, { ref: row.ref });
    const recorder = createRecorder(await journal.lastRecord(topic));
    for await (const chunk of process.output) {
      await requireOwned(row, () => running.has(row.id), stop.signal);
      const record =
        chunk.kind === 'output'
          ? recorder.output(clock(), chunk.stream, chunk.bytes, chunk.position)
          : recorder.lost(clock(), chunk.reason, chunk.position);
      await journal.append(topic, [record]);
      if (chunk.kind === 'output') onOutput?.(chunk.stream, chunk.bytes);
    }
    const exit = await process.exit;
    // A server that lets go of its sandboxes loses nothing: the next one takes up here.
    if (stop.signal.aborted) return row;
    await requireOwned(row, () => running.has(row.id), stop.signal);
    const at = clock();
    await journal.append(topic, recorder.exit(at, exit));
    const done = await close({ ...row, pid: process.pid }, exit, at);
    void process
      .release()
      .catch((error: unknown) =>
        log.warn({ err: error, process: row.id }, 'a finished process could not be released'),
      );
    return done;
  };

  const track = (row: Process, process: SandboxProcess, onOutput?: OnOutput): Promise<Process> => {
    const done = Promise.resolve()
      .then(() => pump(row, process, onOutput))
      .finally(() => running.delete(row.id));
    running.set(row.id, { sandboxId: row.sandboxId, process, done });
    done.catch((error: unknown) => {
      log.error({ err: error, process: row.id }, 'the output of a process could not be recorded');
      retries.add(row.id, () => takeUp(row));
    });
    // Whoever waits must not run it a second time because its record is late.
    const told = done.catch((error: unknown) => {
      throw isRecordedLater(row.id, error);
    });
    // Nobody may be waiting, and a rejection that nobody handles ends the server.
    told.catch(() => undefined);
    return told;
  };

  const takeUp = async (row: Process): Promise<void> => {
    if (stop.signal.aborted || running.has(row.id) || announced.has(row.id)) return;
    const sandbox = await store.sandboxes.find(row.tenant, row.sandboxId);
    if (sandbox?.owner !== lease.fence.owner) return;
    const topic = topicOf(row.id);
    await journal.create(topic);
    const last = await journal.lastRecord(topic);
    if (last?.kind === 'exited') return void (await close(row, exitOf(last), last.at));
    try {
      if (sandbox.state !== 'READY') throw new AppError('NOT_FOUND', 'The sandbox has ended.');
      const handle = await pool.handle(sandbox);
      void track(row, await handle.attach(row.id, row.ref ?? row.id, positionOf(last))).catch(
        () => undefined,
      );
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error;
      const at = clock();
      await journal.append(topic, createRecorder(last).exit(at, LOST));
      await close(row, LOST, at);
    }
  };

  return {
    announce(id) {
      announced.add(id);
      return { [Symbol.dispose]: () => void announced.delete(id) };
    },
    start: track,
    live: (id) => running.get(id)?.process,
    finished: (id) => running.get(id)?.done,
    async takeUp(sandboxId) {
      const rows = await store.processes.unfinished(lease.fence.owner, sandboxId);
      await Promise.all(
        rows.map((row) =>
          takeUp(row).catch((error: unknown) => {
            log.error({ err: error, process: row.id }, NOT_TAKEN_UP);
            retries.add(row.id, () => takeUp(row));
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
