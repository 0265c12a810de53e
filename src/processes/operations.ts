import type { Principal } from '../authentication/principal.ts';
import type { PtySize } from '../providers/types/process.ts';
import type { Page } from '../store/types/page.ts';
import type { Process, ProcessFilter } from '../store/types/process.ts';
import type { CodeRuntime, CommandInput, PackageManager } from './commands.ts';
import type { StartOptions } from './launch.ts';
import type { OutputPage } from './output.ts';
import type { ProcessEvent } from './output-events.ts';

export type ExecOptions = CommandInput & {
  sandboxId: string;
  purpose?: string;
  stdin?: string | undefined;
  outputBytes?: number | undefined;
};
export type ExecResult = {
  process: Process;
  stdout: Uint8Array;
  stderr: Uint8Array;
  stdoutTruncated: boolean;
  stderrTruncated: boolean;
};

/** What callers get; who may call what is in rules.ts. */
export type ProcessService = {
  get(principal: Principal, id: string): Promise<Process>;
  getMany(principal: Principal, ids: readonly string[]): Promise<(Process | null)[]>;
  page(
    principal: Principal,
    sandboxId: string,
    filter: ProcessFilter,
    page: Page,
  ): Promise<Process[]>;
  count(principal: Principal, sandboxId: string, filter: ProcessFilter): Promise<number>;
  start(principal: Principal, options: StartOptions): Promise<{ row: Process; replayed: boolean }>;
  /** Starts, waits, and returns what it said. Never throws for an exit code. */
  exec(principal: Principal, options: ExecOptions): Promise<ExecResult>;
  runCode(
    principal: Principal,
    options: { sandboxId: string; runtime: CodeRuntime; code: string } & Omit<
      ExecOptions,
      'argv' | 'command'
    >,
  ): Promise<ExecResult>;
  installPackages(
    principal: Principal,
    options: {
      sandboxId: string;
      manager: PackageManager;
      packages: readonly string[];
      cwd?: string | undefined;
    },
  ): Promise<Process>;
  /** `CONFLICT` when stdin is closed, `TERMINATED` when it has exited. */
  write(principal: Principal, id: string, bytes: Uint8Array): Promise<Process>;
  closeStdin(principal: Principal, id: string): Promise<Process>;
  signal(principal: Principal, id: string, name: string): Promise<Process>;
  resize(principal: Principal, id: string, size: PtySize): Promise<Process>;
  /** The row after the exit, or as it is after `timeoutMs`. */
  wait(principal: Principal, id: string, timeoutMs: number, signal: AbortSignal): Promise<Process>;
  /** Hangs up, then kills what does not listen. Idempotent. */
  hangUp(principal: Principal, id: string): Promise<Process>;
  /** Replay, then live, until the exit. */
  follow(
    principal: Principal,
    id: string,
    after: string | null,
    signal: AbortSignal,
  ): Promise<AsyncIterable<ProcessEvent>>;
  /** The same events, as many as are there now and fit in about `bytes`. */
  readOutput(
    principal: Principal,
    id: string,
    after: string | null,
    bytes: number,
  ): Promise<OutputPage>;
};
