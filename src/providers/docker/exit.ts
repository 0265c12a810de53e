import { constants } from 'node:os';
import { LOST, type ProcessExit } from '../types/process.ts';

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name]),
);
/** Signals of crashes, and the one of the kernel's when memory runs out: no program chooses their exit codes for itself. */
const CRASHES: ReadonlySet<string> = new Set([
  ...['SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGKILL', 'SIGSEGV', 'SIGSYS'],
]);

export type ExitFacts = {
  isTimedOut: boolean;
  /** Signals that were sent through this handle. */
  sent: ReadonlySet<string>;
  isOutOfMemory: boolean;
};

/**
 * An engine gives 128 and the number of the signal as the exit code of what a signal ended, and programs may end with such a code by themselves:
 * a signal is named only where one was sent, or where the code is that of a crash.
 */
export const toExit = (
  exitCode: number | null,
  { isTimedOut, sent, isOutOfMemory }: ExitFacts,
): ProcessExit => {
  if (exitCode === null) return LOST;
  const signal = NAMES.get(exitCode - 128) ?? null;
  if (isTimedOut && exitCode > 128)
    return { ...LOST, kind: 'SIGNALED', reason: 'TIMED_OUT', signal: signal ?? 'SIGKILL' };
  if (signal && (sent.has(signal) || CRASHES.has(signal))) {
    return { ...LOST, kind: 'SIGNALED', reason: isOutOfMemory ? 'OUT_OF_MEMORY' : null, signal };
  }
  return { ...LOST, kind: 'EXITED', exitCode };
};
