import type { Logger } from 'pino';
import type { Principal } from '../access/principal.ts';
import { AppError, notFound } from '../errors.ts';
import type { Cursors } from '../journal/cursor.ts';
import type { Journal } from '../journal/journal.ts';
import { newId } from '../lib/ids.ts';
import type { Pool } from '../pool/pool.ts';
import type { ProviderProcess, PtySize } from '../providers/provider.ts';
import type { SandboxService } from '../sandboxes/service.ts';
import { check } from '../sandboxes/types.ts';
import type { Page, Process, ProcessFilter, Store } from '../store/store.ts';
import { collectOutput } from './collect.ts';
import {
  type CodeRuntime,
  Command,
  type CommandInput,
  codeRuntimes,
  installCommand,
  type PackageManager,
} from './commands.ts';
import { createOutputReader, type OutputReader } from './output.ts';
import { createPumps, type OnOutput } from './pump.ts';
import { topicOf } from './records.ts';

export type ProcessServiceOptions = {
  store: Store;
  journal: Journal;
  cursors: Cursors;
  pool: Pool;
  sandboxes: SandboxService;
  /** Most that exec returns of each stream, in bytes. */
  execOutputBytes: number;
  clock: () => number;
  log: Logger;
};

export type StartOptions = CommandInput & {
  sandboxId: string;
  purpose: string;
  pty?: PtySize;
  idempotencyKey?: string | undefined;
};
export type ExecOptions = CommandInput & {
  sandboxId: string;
  purpose?: string;
  stdin?: string | undefined;
  outputBytes?: number | undefined;
};
type LaunchOptions = {
  /** Called between the row and the start. */
  claim?: (id: string) => Promise<void>;
  /** False: standard input is empty. Default true. */
  stdin?: boolean;
  onOutput?: OnOutput;
};
export type ExecResult = {
  process: Process;
  stdout: Uint8Array;
  stderr: Uint8Array;
  stdoutTruncated: boolean;
  stderrTruncated: boolean;
};

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
  output: OutputReader;
  recover(): Promise<void>;
  dispose(): void;
};

const HANG_UP_MS = 500;
const MAX_INLINE_CODE = 96 * 1024;

export const createProcessService = ({
  store,
  journal,
  cursors,
  pool,
  sandboxes,
  execOutputBytes,
  clock,
  log,
}: ProcessServiceOptions): ProcessService => {
  const pumps = createPumps({ store, journal, pool, clock, log });

  const live = async (
    principal: Principal,
    id: string,
  ): Promise<{ row: Process; process: ProviderProcess }> => {
    const row = await service.get(principal, id);
    const process = pumps.live(id);
    if (!process)
      throw new AppError(
        'TERMINATED',
        `The process ${id} has ended (${row.state}). Its output can still be read.`,
      );
    return { row, process };
  };

  const launch = async (
    principal: Principal,
    { sandboxId, purpose, pty, ...raw }: Omit<StartOptions, 'idempotencyKey'>,
    { claim, stdin = true, onOutput }: LaunchOptions = {},
  ) => {
    const command = check(Command, raw);
    const { handle } = await sandboxes.open(principal, sandboxId);
    const row: Process = {
      id: newId(pty ? 'trm' : 'prc'),
      tenant: principal.tenant,
      sandboxId,
      createdBy: principal.subject,
      argv: command.argv,
      command: command.command,
      cwd: command.cwd ?? null,
      purpose,
      state: 'STARTING',
      pid: null,
      cols: pty?.cols ?? null,
      rows: pty?.rows ?? null,
      exitCode: null,
      signal: null,
      startedAt: clock(),
      endedAt: null,
      timeoutMs: command.timeoutMs ?? null,
      cpuSeconds: null,
      maxMemoryBytes: null,
    };
    // The row first: what runs without one could never be found again.
    await store.processes.insert(row);
    await claim?.(row.id);
    try {
      const [process] = await Promise.all([
        handle.spawn({
          id: row.id,
          argv: command.argv,
          env: command.env,
          stdin,
          ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
          ...(pty ? { pty } : {}),
          ...(command.timeoutMs === undefined ? {} : { timeoutMs: command.timeoutMs }),
        }),
        journal.create(topicOf(row.id)),
      ]);
      const running: Process = { ...row, state: 'RUNNING', pid: process.pid };
      return { row: running, process, done: pumps.start(running, process, onOutput) };
    } catch (error) {
      await store.processes.update(row.tenant, row.id, { state: 'LOST', endedAt: clock() });
      await journal.end(topicOf(row.id));
      throw error;
    }
  };

  const service: ProcessService = {
    output: createOutputReader({ journal, cursors }),
    async get({ tenant }, id) {
      const row = await store.processes.find(tenant, id);
      if (!row) throw notFound(id.startsWith('trm_') ? 'terminal' : 'process', id);
      return row;
    },
    getMany: ({ tenant }, ids) => store.processes.findMany(tenant, ids),
    page: ({ tenant }, sandboxId, filter, page) =>
      store.processes.page(tenant, sandboxId, filter, page),
    count: ({ tenant }, sandboxId, filter) => store.processes.count(tenant, sandboxId, filter),
    start(principal, { idempotencyKey, ...options }) {
      const make = async (claim: (id: string) => Promise<void>): Promise<Process> => {
        const { row } = await launch(principal, options, { claim });
        await store.processes.update(row.tenant, row.id, { state: 'RUNNING', pid: row.pid }, [
          'STARTING',
        ]);
        return row;
      };
      return sandboxes.once(
        {
          tenant: principal.tenant,
          operation: options.pty ? 'createTerminal' : 'startProcess',
          key: idempotencyKey,
          parameters: options,
        },
        make,
        (id) => service.get(principal, id),
      );
    },
    async exec(principal, { stdin, outputBytes, purpose = 'exec', ...options }) {
      const collected = collectOutput(Math.min(outputBytes ?? execOutputBytes, execOutputBytes));
      const { process, done } = await launch(
        principal,
        { ...options, purpose },
        { stdin: Boolean(stdin), onOutput: collected.add },
      );
      // A process that has ended, or does not read, decides that itself: its exit is the answer.
      const feed = async (text: string): Promise<void> => {
        await process.write(Buffer.from(text));
        await process.closeStdin();
      };
      if (stdin) feed(stdin).catch(() => undefined);
      return { process: await done, ...collected.take() };
    },
    async runCode(principal, { runtime, code, ...options }) {
      const { program, flag, extension } = codeRuntimes[runtime];
      if (Buffer.byteLength(code) <= MAX_INLINE_CODE)
        return service.exec(principal, {
          ...options,
          purpose: 'code',
          argv: [program, flag, code],
        });
      const { handle } = await sandboxes.open(principal, options.sandboxId);
      const path = `/tmp/${newId('prc')}.${extension}`;
      await handle.files.write(path, [Buffer.from(code)]);
      try {
        return await service.exec(principal, {
          ...options,
          purpose: 'code',
          argv: [program, path],
        });
      } finally {
        await handle.files.remove(path, { recursive: false }).catch(() => undefined);
      }
    },
    async installPackages(principal, { sandboxId, manager, packages, cwd }) {
      return (
        await service.start(principal, {
          sandboxId,
          purpose: 'packages',
          argv: installCommand(manager, packages),
          ...(cwd === undefined ? {} : { cwd }),
        })
      ).row;
    },
    async write(principal, id, bytes) {
      const { row, process } = await live(principal, id);
      await process.write(bytes);
      return row;
    },
    async closeStdin(principal, id) {
      const { row, process } = await live(principal, id);
      await process.closeStdin();
      return row;
    },
    async signal(principal, id, name) {
      const { row, process } = await live(principal, id);
      await process.signal(name);
      return row;
    },
    async resize(principal, id, { cols, rows }) {
      const { row, process } = await live(principal, id);
      await process.resize({ cols, rows });
      await store.processes.update(row.tenant, id, { cols, rows });
      return { ...row, cols, rows };
    },
    async wait(principal, id, timeoutMs, signal) {
      const row = await service.get(principal, id);
      const done = pumps.finished(id);
      if (!done) return row;
      const stop = new AbortController();
      const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs), stop.signal]);
      const over = new Promise<Process>((resolve) =>
        until.addEventListener('abort', () => resolve(row), { once: true }),
      );
      return Promise.race([done, over]).finally(() => stop.abort());
    },
    async hangUp(principal, id) {
      const row = await service.get(principal, id);
      const process = pumps.live(id);
      const done = pumps.finished(id);
      if (!process || !done) return row;
      await process.signal('SIGHUP').catch(() => undefined);
      const timer = setTimeout(() => process.signal('SIGKILL').catch(() => undefined), HANG_UP_MS);
      return done.finally(() => clearTimeout(timer));
    },
    recover: pumps.recover,
    dispose: pumps.dispose,
  };
  return service;
};
