import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { Journal, NewRecord } from '../journal/journal.ts';
import type { Lease } from '../pool/lease.ts';
import type {
  OutputChunk,
  OutputLost,
  OutputStream,
  SandboxProcess,
} from '../providers/types/process.ts';
import type { Store } from '../store/store.ts';
import type { Process } from '../store/types/process.ts';
import { close, endedRow } from './close.ts';
import { keepTrying, orAborted } from './keep-trying.ts';
import { createRecorder, topicOf } from './records.ts';

/** Who wants the output while it comes. */
export type Listener = {
  output(stream: OutputStream, bytes: Uint8Array): void;
  /** Something is missing here. */
  lost(): void;
};

/** What it takes to record a process. */
export type PumpOptions = {
  store: Store;
  journal: Journal;
  lease: Lease;
  clock: () => number;
  log: Logger;
};

/** What belongs to one recording of a process. */
export type Recording = {
  /** Resolves while this server looks after the sandbox of the process. */
  requireOwned: () => Promise<void>;
  /** Aborted: nothing more is recorded here. */
  signal: AbortSignal;
  listener: Listener | undefined;
  /** Something could not be recorded, and is tried again. */
  onFailure: (error: unknown, attempt: number) => void;
  /** What has ended is recorded later. */
  retry: (work: () => Promise<void>) => void;
};

const TOO_LARGE = 'A part of the output was too large to be recorded.';

/**
 * Records everything the process says, then its exit; resolves with the finished row. What cannot be recorded is held until it can: the
 * process is not asked for more meanwhile, since that would acknowledge it. Rejects when the signal aborts.
 */
export const pump = async (
  options: PumpOptions,
  row: Process,
  process: SandboxProcess,
  { requireOwned, signal, listener, onFailure, retry }: Recording,
): Promise<Process> => {
  const { journal, clock, log } = options;
  const topic = topicOf(row.id);
  const persist = <Value>(work: () => Promise<Value>): Promise<Value> => {
    const attempt = async (): Promise<Value> => {
      await requireOwned();
      return work();
    };
    return keepTrying(attempt, signal, onFailure);
  };
  const append = (records: NewRecord[]) => persist(() => journal.append(topic, records));
  const recorder = createRecorder(await persist(() => journal.lastRecord(topic)));

  const lose = async (reason: string, position: number): Promise<void> => {
    await append([recorder.lost(clock(), reason, position)]);
    listener?.lost();
  };
  const record = async (chunk: OutputChunk | OutputLost): Promise<void> => {
    if (chunk.kind === 'lost') return lose(chunk.reason, chunk.position);
    const { stream, bytes, position } = chunk;
    try {
      await append([recorder.output(clock(), stream, bytes, position)]);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'TOO_LARGE') throw error;
      return lose(TOO_LARGE, position);
    }
    listener?.output(stream, bytes);
  };

  // The pull of the next chunk acknowledges the one before, so each is in the journal by then.
  const output = process.output[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await orAborted(output.next(), signal);
    if (done === true) break;
    await record(value);
  }
  const exit = await orAborted(process.exit, signal);
  const at = clock();
  await append(recorder.exit(at, exit));
  const seen = { ...row, pid: process.pid };
  const finish = async (): Promise<void> => {
    await close(options, seen, exit, at);
    process
      .release()
      .catch((error: unknown) =>
        log.warn({ err: error, process: row.id }, 'a finished process could not be released'),
      );
  };
  // It has ended, and that is recorded: a row that cannot be written yet is no reason to fail who waits for it.
  await finish().catch((error: unknown) => {
    log.error({ err: error, process: row.id }, 'the row of a process that ended is written later');
    retry(finish);
  });
  return endedRow(seen, exit, at);
};
