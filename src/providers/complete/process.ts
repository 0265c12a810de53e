import type { Logger } from 'pino';
import { AppError } from '../../errors.ts';
import { atInstant } from '../../lib/at-instant.ts';
import type { Capabilities } from '../types/capabilities.ts';
import {
  LOST,
  type ProcessExit,
  type SandboxProcess,
  type VendorProcess,
} from '../types/process.ts';
import type { Call } from './call.ts';
import { checkExit, checkRef } from './check.ts';
import type { Deadlines } from './deadlines.ts';
import { openOutput } from './output.ts';
import type { Unsupported } from './unsupported.ts';

export type ProcessContext = {
  capabilities: Capabilities;
  call: Call;
  deadlines: Deadlines;
  unsupported: Unsupported;
  /** Sends a signal by a command in the sandbox. */
  kill(pid: number, name: string): Promise<void>;
  /** The sandbox has ended, or is being destroyed. */
  hasSandboxEnded(): boolean;
  /** Calls once when the sandbox has ended; returns the way to be called no more. */
  onSandboxEnd(listener: () => void): () => void;
  log: Logger;
};

/** 128 and SIGKILL, and what `timeout` ends with: a shell's way to say that it was killed. */
const KILLED: readonly (number | null)[] = [137, 124];

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

/**
 * The whole process of a vendor's. Its exit settles always: with what the vendor says, else a while after the sandbox or its output ended,
 * or after its timeout, when the server kills it itself.
 */
export const completeProcess = (
  vendor: VendorProcess,
  {
    id,
    after,
    timeoutMs,
    startedAt,
  }: {
    id: string;
    after: number;
    timeoutMs: number | undefined;
    /** Before the vendor was asked: its clock of `timeoutMs` began later than this. */
    startedAt: number;
  },
  context: ProcessContext,
): SandboxProcess => {
  const { capabilities, call, deadlines, unsupported, kill, hasSandboxEnded, onSandboxEnd, log } =
    context;
  const output = openOutput(vendor, after, capabilities.reattach === 'replay', log);
  const exit = Promise.withResolvers<ProcessExit>();
  let hasExited = false;
  let isOverdue = false;
  const stops: (() => void)[] = [];

  const settle = (how: ProcessExit): void => {
    if (hasExited) return;
    hasExited = true;
    for (const stop of stops) stop();
    if (how.reason !== null) exit.resolve(how);
    else if (isOverdue) exit.resolve(timedOut(how));
    else exit.resolve(hasSandboxEnded() ? endedWithSandbox(how) : how);
  };
  const giveUp = (how: ProcessExit): void => {
    output.end();
    settle(how);
  };
  const send = async (name: string): Promise<void> => {
    if (hasExited)
      throw new AppError('TERMINATED', `The process ${id} has exited. Its exit can still be read.`);
    const { pid } = vendor;
    const { signal } = vendor;
    if (signal) return call.once('control', () => signal(name));
    if (pid === null) throw unsupported('signals');
    return kill(pid, name);
  };
  /** Nothing more has come for a while although it was asked for: the vendor has lost it. */
  const giveUpWhenSilent = (how: ProcessExit): void => {
    if (hasExited) return;
    const timer = setInterval(() => {
      if (output.isAwaited() || output.hasEnded()) giveUp(how);
    }, deadlines.exit).unref();
    stops.push(() => clearInterval(timer));
  };

  vendor.exit.then(
    (raw) => settle(checkExit(raw)),
    (error: unknown) => {
      log.warn({ err: error, process: id }, 'a provider failed to say how a process ended');
      giveUp(LOST);
    },
  );
  stops.push(onSandboxEnd(() => giveUpWhenSilent({ ...LOST, reason: 'SANDBOX_ENDED' })));
  void output.ended.then(() => giveUpWhenSilent(LOST));
  if (timeoutMs !== undefined) {
    const isLeftToUs = capabilities.limits.time !== 'enforced';
    // A vendor without a timeout of its own leaves it to `timeout` in the sandbox, which only shows as a kill.
    if (isLeftToUs) stops.push(atInstant(startedAt + timeoutMs, () => (isOverdue = true)));
    stops.push(
      atInstant(startedAt + timeoutMs + deadlines.overdue, () => {
        isOverdue = true;
        send('SIGKILL').catch(() => undefined);
        giveUpWhenSilent({ ...LOST, reason: 'TIMED_OUT' });
      }),
    );
  }

  const withStdin = <Value>(
    use: (stdin: NonNullable<VendorProcess['stdin']>) => Promise<Value>,
  ) => {
    if (!vendor.stdin) return Promise.reject(unsupported('stdin'));
    const { stdin } = vendor;
    return call.once('input', () => use(stdin));
  };
  return {
    id,
    ref: checkRef(vendor.ref) ?? id,
    get pid() {
      return vendor.pid;
    },
    output: output.output,
    exit: exit.promise,
    write: (bytes) => withStdin((stdin) => stdin.write(bytes)),
    closeStdin: () => withStdin((stdin) => stdin.close()),
    signal: send,
    async resize(size) {
      const { resize } = vendor;
      if (!resize) throw unsupported('pty');
      await call.once('control', () => resize(size));
    },
    async release() {
      const { release } = vendor;
      if (release) await call.once('control', () => release());
    },
  };
};
