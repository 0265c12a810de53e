import { AppError } from '../errors.ts';
import type { Retries } from '../lib/retries.ts';
import type { SandboxProcess } from '../providers/types/process.ts';
import type { Process } from '../store/types/process.ts';
import { createMarker, runningRow } from './mark-running.ts';
import { type Listener, type PumpOptions, pump } from './pump.ts';
import { createRequireOwned, ELSEWHERE } from './require-owned.ts';

export type Started = {
  row: Process;
  /** The finished row. Rejects, as not to be repeated, when what the process does cannot be recorded for now. */
  done: Promise<Process>;
  /** Settles when it was tried to write that it runs. */
  marked: Promise<void>;
};

export type RecordOptions = {
  listener?: Listener | undefined;
  /** It is likely to end soon, and nobody asks for its row before. */
  isShort?: boolean;
  /** It was started a while ago: another server may look after its sandbox by now. */
  isFound?: boolean;
};

type Recorded = {
  row: Process;
  process: SandboxProcess;
  done: Promise<Process>;
  recording: AbortController;
};

/** Failures in a row, in a third of a second, after which nobody waits any more for what is recorded later. */
const PATIENCE = 4;
const LOG_EVERY = 10;

const isRecordedLater = (id: string, cause: unknown): AppError =>
  new AppError(
    'UNAVAILABLE',
    `The process ${id} was started, but what it does cannot be recorded at the moment. Do not start it again: its output and its end are recorded later.`,
    { retryable: false, details: { processId: id, ambiguous: true }, cause },
  );

const NOT_RECORDED = 'the output of a process could not be recorded';

const isMarked = (before: Process, now: Process): boolean =>
  before.state === now.state && before.ref === now.ref && before.pid === now.pid;

/** The table of the processes that are recorded here, each by one pump at most. `onBroken`: one has to be taken up once more. `onElsewhere`: another server goes on with it. */
export const createRecordings = (
  parts: PumpOptions,
  retries: Retries,
  onBroken: (row: Process) => void,
  onElsewhere: (id: string) => void,
) => {
  const { log } = parts;
  const recorded = new Map<string, Recorded>();
  const { mark, markLater } = createMarker({ ...parts, retries });

  const start = (
    before: Process,
    process: SandboxProcess,
    { listener, isShort = false, isFound = false }: RecordOptions = {},
  ): Started => {
    const row = runningRow(before, process);
    const { id } = row;
    const recording = new AbortController();
    const trouble = Promise.withResolvers<never>();
    const work = pump(parts, row, process, {
      requireOwned: createRequireOwned(parts, row, recording, isFound),
      signal: recording.signal,
      listener,
      onFailure(error, attempt) {
        if (attempt === 1 || attempt % LOG_EVERY === 0)
          log.error({ err: error, process: id, attempt }, NOT_RECORDED);
        if (attempt === PATIENCE || !parts.lease.isHeld()) trouble.reject(error);
      },
      retry: (finish) => retries.add(id, finish, 'finish'),
    });
    const later = isShort ? markLater(row) : undefined;
    const marked = isShort || isMarked(before, row) ? Promise.resolve() : mark(row);
    const done = work.finally(() => {
      clearTimeout(later);
      // It may have come back to this server meanwhile, and have another recording.
      if (recorded.get(id)?.recording === recording) recorded.delete(id);
    });
    recorded.set(id, { row, process, done, recording });
    done.catch((error: unknown) => {
      if (recording.signal.reason === ELSEWHERE) onElsewhere(id);
      if (recording.signal.aborted) return;
      log.error({ err: error, process: id }, NOT_RECORDED);
      onBroken(row);
    });
    // Whoever waits must not run it a second time because its record is late.
    const told = Promise.race([done, trouble.promise]).catch((error: unknown) => {
      throw isRecordedLater(id, error);
    });
    // Nobody may be waiting, and a rejection that nobody handles ends the server.
    told.catch(() => undefined);
    return { row, done: told, marked };
  };

  return {
    start,
    get: (id: string) => recorded.get(id),
    has: (id: string) => recorded.has(id),
    /** Ends those of one sandbox, or all; returns which. */
    letGo(reason: AppError, sandboxId?: string): string[] {
      const gone = [...recorded.values()].filter(
        ({ row }) => sandboxId === undefined || row.sandboxId === sandboxId,
      );
      for (const { row, recording } of gone) {
        recorded.delete(row.id);
        recording.abort(reason);
      }
      return gone.map(({ row }) => row.id);
    },
  };
};
