import { AppError } from '../../errors.ts';
import { atInstant } from '../../lib/at-instant.ts';
import { LOST, type ProcessExit, type VendorProcess } from '../types/process.ts';
import { checkExit } from './check.ts';
import type { openOutput } from './output.ts';
import type { ProcessContext } from './process-context.ts';

/** 128 and SIGKILL, and what `timeout` ends with: a shell's way to say that it was killed. */
const KILLED: readonly (number | null)[] = [137, 124];
const SILENT =
  'The provider said nothing more and not that the output was complete; what may be missing is lost.';

const timedOut = (exit: ProcessExit): ProcessExit =>
  exit.kind === 'SIGNALED' || (exit.kind === 'EXITED' && KILLED.includes(exit.exitCode))
    ? {
        ...exit,
        kind: 'SIGNALED',
        reason: 'TIMED_OUT',
        exitCode: null,
        signal: exit.signal ?? 'SIGKILL',
      }
    : exit.kind === 'LOST'
      ? { ...exit, reason: 'TIMED_OUT' }
      : exit;

/** Some vendors tell of the kill that ended the sandbox, some of nothing: one word for both. A process that ended by itself did so. */
const endedWithSandbox = (exit: ProcessExit): ProcessExit =>
  exit.kind === 'EXITED' || (exit.kind === 'SIGNALED' && exit.signal !== 'SIGKILL')
    ? exit
    : { ...exit, kind: 'LOST', reason: 'SANDBOX_ENDED', signal: null };

export type ExitOptions = {
  id: string;
  output: ReturnType<typeof openOutput>;
  /** When its time is over, in milliseconds since the epoch; undefined: never. */
  deadline: number | undefined;
  kill(): Promise<void>;
};

/**
 * Waits for the exit of a process, which settles always: with what the vendor says, else a while after the output ended, or after the vendor fell
 * silent when the sandbox had ended or the time of the process was over.
 */
export const watchExit = (
  vendor: Pick<VendorProcess, 'exit'>,
  { id, output, deadline, kill }: ExitOptions,
  { capabilities, deadlines, hasSandboxEnded, onSandboxEnd, log }: ProcessContext,
) => {
  const exit = Promise.withResolvers<ProcessExit>();
  let hasExited = false;
  let isOverdue = false;
  const stops: (() => void)[] = [];
  let forgetOverdue = (): void => undefined;

  const settle = (how: ProcessExit): void => {
    if (hasExited) return;
    hasExited = true;
    for (const stop of stops) stop();
    if (how.reason !== null) exit.resolve(how);
    else if (isOverdue) exit.resolve(timedOut(how));
    else exit.resolve(hasSandboxEnded() ? endedWithSandbox(how) : how);
    // Nothing can follow but what the vendor still holds; one that does not even say the end has lost it.
    output.onSilence(deadlines.exit, () => output.end(SILENT));
  };
  const giveUpWhenSilent = (how: ProcessExit): void =>
    output.onSilence(deadlines.exit, () => {
      output.end(SILENT);
      settle(how);
    });

  vendor.exit.then(
    (raw) => settle(checkExit(raw)),
    (error: unknown) => {
      log.warn({ err: error, process: id }, 'A provider failed to say how a process ended.');
      settle(LOST);
    },
  );
  stops.push(onSandboxEnd(() => giveUpWhenSilent({ ...LOST, reason: 'SANDBOX_ENDED' })));
  void output.ended.then(() => {
    if (hasExited) return;
    const timer = setTimeout(() => settle(LOST), deadlines.exit).unref();
    stops.push(() => clearTimeout(timer));
  });
  if (deadline !== undefined) {
    const isLeftToUs = capabilities.limits.time !== 'enforced';
    // A vendor without a timeout of its own leaves it to `timeout` in the sandbox, which only shows as a kill.
    if (isLeftToUs) stops.push(atInstant(deadline, () => (isOverdue = true)));
    // One that was attached to after its time may have ended in it: the vendor is given as long to say so.
    const overdue = Math.max(deadline, Date.now()) + deadlines.overdue;
    forgetOverdue = atInstant(overdue, () => {
      isOverdue = true;
      kill().catch((error: unknown) => {
        if (!isLeftToUs && error instanceof AppError && error.code === 'TERMINATED')
          isOverdue = false;
      });
      giveUpWhenSilent({ ...LOST, reason: 'TIMED_OUT' });
    });
    stops.push(forgetOverdue);
  }
  return {
    exit: exit.promise,
    hasExited: () => hasExited,
    /** Whoever looks after the process now also ends it at its timeout, which may be counted anew there. */
    abandon: (): void => forgetOverdue(),
  };
};
