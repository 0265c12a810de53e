import type { Logger } from 'pino';
import type { Principal } from '../authentication/principal.ts';
import { scopeOf, seesAll } from '../authorization/visibility.ts';
import { AppError, notFound } from '../errors.ts';
import type { Cursors } from '../journal/cursor.ts';
import type { Journal } from '../journal/journal.ts';
import { newId } from '../lib/ids.ts';
import type { Quotas } from '../limits/quotas.ts';
import type { Lease } from '../pool/lease.ts';
import type { Pool } from '../pool/pool.ts';
import type { PtySize, SandboxProcess } from '../providers/types/process.ts';
import type { SandboxAccess } from '../sandboxes/service.ts';
import type { Store } from '../store/store.ts';
import type { Page } from '../store/types/page.ts';
import type { Process, ProcessFilter } from '../store/types/process.ts';
import type { ShareAccess } from '../store/types/share.ts';
import type { OnUsageRecorded } from '../usage/meter.ts';
import { collectOutput } from './collect.ts';
import {
  type CodeRuntime,
  type CommandInput,
  codeRuntimes,
  installCommand,
  type PackageManager,
} from './commands.ts';
import { createLauncher, type StartOptions } from './launch.ts';
import { createOutputReader, type OutputPage, type ProcessEvent } from './output.ts';
import { createPumps, type Pumps } from './pump.ts';
import { notTakenUp, waitForExit } from './taken-up.ts';

export type ProcessServiceOptions = {
  store: Store;
  journal: Journal;
  cursors: Cursors;
  pool: Pool;
  lease: Lease;
  sandboxes: SandboxAccess;
  quotas: Quotas;
  /** Told of each execution that was booked. */
  onUsageRecorded: OnUsageRecorded;
  /** Most that exec returns of each stream, in bytes. */
  execOutputBytes: number;
  clock: () => number;
  log: Logger;
};

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

export type ProcessControl = ProcessService & Pick<Pumps, 'takeUp' | 'letGo' | 'dispose'>;

const HANG_UP_MS = 500;
const MAX_INLINE_CODE = 96 * 1024;

export const createProcessService = ({
  store,
  journal,
  cursors,
  pool,
  lease,
  sandboxes,
  quotas,
  onUsageRecorded,
  execOutputBytes,
  clock,
  log,
}: ProcessServiceOptions): ProcessControl => {
  const pumps = createPumps({ store, journal, pool, lease, clock, log });
  const output = createOutputReader({ journal, cursors });
  const launch = createLauncher({
    store,
    journal,
    sandboxes,
    pumps,
    quotas,
    onUsageRecorded,
    clock,
  });

  /** A process is seen by who sees its sandbox. */
  const find = async (principal: Principal, id: string, need: ShareAccess): Promise<Process> => {
    const row = await store.processes.find(scopeOf(principal), id);
    if (!row) throw missing(id);
    if (seesAll(principal)) return row;
    await sandboxes.find(principal, row.sandboxId, need).catch((error: unknown) => {
      throw error instanceof AppError && error.code === 'NOT_FOUND' ? missing(id) : error;
    });
    return row;
  };

  const live = async (
    principal: Principal,
    id: string,
  ): Promise<{ row: Process; process: SandboxProcess }> => {
    const row = await find(principal, id, 'write');
    const process = pumps.live(id);
    if (process) return { row, process };
    if (row.endedAt === null) {
      await sandboxes.requireHere(row.tenant, row.sandboxId);
      throw notTakenUp(id);
    }
    throw new AppError(
      'TERMINATED',
      `The process ${id} has ended (${row.state}). Its output can still be read.`,
    );
  };

  const service: ProcessControl = {
    get: (principal, id) => find(principal, id, 'read'),
    async getMany(principal, ids) {
      const rows = await store.processes.findMany(scopeOf(principal), ids);
      if (seesAll(principal)) return rows;
      const places = [...new Set(rows.flatMap((row) => (row ? [row.sandboxId] : [])))];
      const seen = new Set(
        (await sandboxes.findMany(principal, places)).map((sandbox) => sandbox?.id),
      );
      return rows.map((row) => (row && seen.has(row.sandboxId) ? row : null));
    },
    async page(principal, sandboxId, filter, page) {
      const { tenant } = await sandboxes.find(principal, sandboxId, 'read');
      return store.processes.page(tenant, sandboxId, filter, page);
    },
    async count(principal, sandboxId, filter) {
      const { tenant } = await sandboxes.find(principal, sandboxId, 'read');
      return store.processes.count(tenant, sandboxId, filter);
    },
    async follow(principal, id, after, signal) {
      const { tenant, sandboxId } = await find(principal, id, 'read');
      await sandboxes.requireHere(tenant, sandboxId);
      const events = await output.follow(tenant, id, after, signal);
      return sandboxes.whileVisible(principal, sandboxId, events);
    },
    async readOutput(principal, id, after, bytes) {
      const { tenant, sandboxId } = await find(principal, id, 'read');
      await sandboxes.requireHere(tenant, sandboxId);
      return output.page(tenant, id, after, bytes);
    },
    start(principal, { idempotencyKey, ...options }) {
      const make = async (claim: (id: string) => Promise<void>): Promise<Process> => {
        const { row } = await launch(principal, options, { claim });
        await store.processes.update(row.tenant, row.id, { state: 'RUNNING', pid: row.pid }, [
          'STARTING',
        ]);
        return row;
      };
      return sandboxes.runOnce(
        {
          tenant: principal.tenant,
          subject: principal.subject,
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
      const input = stdin ? Buffer.from(stdin) : undefined;
      const { done } = await launch(
        principal,
        { ...options, purpose },
        { stdin: input !== undefined, input, onOutput: collected.add },
      );
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
      const { handle } = await sandboxes.open(principal, options.sandboxId, 'write');
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
    wait: (principal, id, timeoutMs, signal) =>
      waitForExit(() => service.get(principal, id), pumps, timeoutMs, signal),
    async hangUp(principal, id) {
      const row = await find(principal, id, 'write');
      const process = pumps.live(id);
      const done = pumps.finished(id);
      if (!process || !done) {
        if (row.endedAt !== null) return row;
        await sandboxes.requireHere(row.tenant, row.sandboxId);
        throw notTakenUp(id);
      }
      await process.signal('SIGHUP').catch(() => undefined);
      const timer = setTimeout(() => process.signal('SIGKILL').catch(() => undefined), HANG_UP_MS);
      return done.finally(() => clearTimeout(timer));
    },
    takeUp: pumps.takeUp,
    letGo: pumps.letGo,
    dispose: pumps.dispose,
  };
  return service;
};

const missing = (id: string): AppError =>
  notFound(id.startsWith('trm_') ? 'terminal' : 'process', id);
