import type { Logger } from 'pino';
import type { Journal } from '../journal/journal.ts';
import type { Lease } from '../pool/lease.ts';
import type { OutputStream, ProcessExit, SandboxProcess } from '../providers/types/process.ts';
import type { Store } from '../store/store.ts';
import type { Process } from '../store/types/process.ts';
import { createRecorder, stateOf, topicOf } from './records.ts';

export type OnOutput = (stream: OutputStream, bytes: Uint8Array) => void;

/** What it takes to record a process. */
export type PumpOptions = {
  store: Store;
  journal: Journal;
  lease: Lease;
  /** Resolves while this server looks after the sandbox of the process. */
  requireOwned: (row: Process) => Promise<void>;
  /** Aborted: this server records nothing more. */
  stopped: AbortSignal;
  clock: () => number;
  log: Logger;
};

/** Ends the journal of a process, then its row. */
export const close = async (
  { store, journal, lease }: Pick<PumpOptions, 'store' | 'journal' | 'lease'>,
  row: Process,
  exit: ProcessExit,
  at: number,
): Promise<Process> => {
  await journal.end(topicOf(row.id));
  const { kind: _, reason: __, ...facts } = exit;
  const patch = { state: stateOf(exit), ...facts, pid: row.pid, endedAt: at };
  const from = ['STARTING', 'RUNNING'] as const;
  await store.processes.update(row.tenant, row.id, patch, from, lease.fence);
  return { ...row, ...patch };
};

/** Records everything the process says, then its exit; resolves with the finished row. */
export const pump = async (
  options: PumpOptions,
  row: Process,
  process: SandboxProcess,
  onOutput: OnOutput | undefined,
): Promise<Process> => {
  const { store, journal, requireOwned, stopped, clock, log } = options;
  const topic = topicOf(row.id);
  if (row.ref !== null) await store.processes.update(row.tenant, row.id, { ref: row.ref });
  const recorder = createRecorder(await journal.lastRecord(topic));
  // The pull of the next chunk acknowledges the one before, so each is in the journal by then.
  for await (const chunk of process.output) {
    await requireOwned(row);
    const record =
      chunk.kind === 'output'
        ? recorder.output(clock(), chunk.stream, chunk.bytes, chunk.position)
        : recorder.lost(clock(), chunk.reason, chunk.position);
    await journal.append(topic, [record]);
    if (chunk.kind === 'output') onOutput?.(chunk.stream, chunk.bytes);
  }
  const exit = await process.exit;
  // A server that lets go of its sandboxes loses nothing: the next one takes up here.
  if (stopped.aborted) return row;
  await requireOwned(row);
  const at = clock();
  await journal.append(topic, recorder.exit(at, exit));
  const done = await close(options, { ...row, pid: process.pid }, exit, at);
  void process
    .release()
    .catch((error: unknown) =>
      log.warn({ err: error, process: row.id }, 'a finished process could not be released'),
    );
  return done;
};
