import { killTree } from './kill-tree.ts';
import { samplePeakMemory } from './measure.ts';
import { type Exit, type Output, openOutput } from './output.ts';
import type { Pipe } from './pipes.ts';
import type { Head } from './protocol.ts';
import { type Started, startPipes, startPty } from './start.ts';

/** One process that the server asked for, from before its start until after its exit. */
export type ManagedProcess = {
  id: string;
  /** Null until it has started. */
  started: Started | null;
  pid: number | null;
  output: Output;
  exited: boolean;
  timedOut: boolean;
};

export type Send = (head: Head, body?: Uint8Array) => boolean;
/** What all processes share: the pipes made ahead, and the meter of the CPU time of what has exited. */
export type StartContext = { pipes: { take(): Pipe }; takeCpuSeconds: () => number };
type OnExit = (code: number | null, signal: string | null) => void;

export const createManaged = (id: string, send: Send): ManagedProcess => {
  const managed: ManagedProcess = {
    id,
    started: null,
    pid: null,
    output: openOutput(
      (chunk, body) => send({ t: 'out', p: id, ...chunk }, body),
      (paused) => {
        if (paused) managed.started?.pause();
        else managed.started?.resume();
      },
    ),
    exited: false,
    timedOut: false,
  };
  return managed;
};

/** With everything that it started. */
export const kill = ({ id, pid, started }: ManagedProcess): void => {
  killTree(pid, id);
  started?.abandon();
};

const startProgram = (
  { id, output }: ManagedProcess,
  head: Head,
  pipes: StartContext['pipes'],
  onExit: OnExit,
): Promise<Started> => {
  const options = {
    argv: head.argv as [string, ...string[]],
    cwd: String(head.cwd ?? '/home/user'),
    env: { ...(head.env as Record<string, string>), SANDBANK_PROCESS_ID: id },
  };
  const pty = head.pty as { cols: number; rows: number } | undefined;
  return pty
    ? startPty({ ...options, pty }, output.push, onExit)
    : startPipes({ ...options, stdin: head.stdin !== false }, pipes, output.push, onExit);
};

const exitOf = (
  { timedOut }: ManagedProcess,
  code: number | null,
  signal: string | null,
): Pick<Exit, 'kind' | 'exitCode' | 'signal'> => {
  if (!timedOut && !signal) return { kind: 'EXITED', exitCode: code, signal: null };
  return {
    kind: timedOut ? 'TIMED_OUT' : 'SIGNALED',
    exitCode: null,
    signal: signal ?? 'SIGKILL',
  };
};

/** Starts it, kills it at its timeout, and ends its output with its exit and what it used. */
export const start = async (
  managed: ManagedProcess,
  head: Head,
  { pipes, takeCpuSeconds }: StartContext,
): Promise<void> => {
  let timeout: NodeJS.Timeout | null = null;
  const stopSampling = samplePeakMemory(() => managed.pid);
  const onExit: OnExit = (code, signal) => {
    if (managed.exited) return;
    managed.exited = true;
    if (timeout) clearTimeout(timeout);
    const used = { cpuSeconds: takeCpuSeconds(), maxMemoryBytes: stopSampling() };
    managed.output.end({ ...exitOf(managed, code, signal), ...used });
  };
  try {
    managed.started = await startProgram(managed, head, pipes, onExit);
  } catch (error) {
    stopSampling();
    throw error;
  }
  managed.pid = managed.started.pid;
  if (typeof head.timeoutMs !== 'number' || managed.exited) return;
  timeout = setTimeout(() => {
    managed.timedOut = true;
    kill(managed);
  }, head.timeoutMs);
};
