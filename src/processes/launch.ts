import type { Principal } from '../authentication/principal.ts';
import { applyCeiling } from '../authorization/ceilings.ts';
import { isAmbiguous } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import { newId } from '../lib/ids.ts';
import { type Quotas, quotaExceeded } from '../limits/quotas.ts';
import type { PtySize, SandboxProcess } from '../providers/types/process.ts';
import type { SandboxAccess } from '../sandboxes/access.ts';
import { check } from '../sandboxes/types.ts';
import type { Store } from '../store/store.ts';
import type { Process } from '../store/types/process.ts';
import type { UsageEntry } from '../store/types/usage.ts';
import type { OnUsageRecorded } from '../usage/meter.ts';
import { Command, type CommandInput } from './commands.ts';
import type { Listener } from './pump.ts';
import type { Pumps } from './pumps.ts';
import type { Started } from './recordings.ts';
import { topicOf } from './records.ts';

export type StartOptions = CommandInput & {
  sandboxId: string;
  purpose: string;
  pty?: PtySize;
  idempotencyKey?: string | undefined;
};
type LaunchOptions = {
  /** Called between the row and the start. */
  claim?: (id: string) => Promise<void>;
  /** False: standard input is empty. Default true. */
  stdin?: boolean;
  /** All of standard input, which is closed behind it. */
  input?: Uint8Array | undefined;
  listener?: Listener;
  isShort?: boolean;
};

/** What one more process needs room in. */
const RUN_METRICS = ['executions', 'cpuSeconds', 'egressBytes'] as const;

const timeoutOf = ({ rights }: Principal, asked: number | undefined): number | undefined => {
  const seconds = applyCeiling(
    rights,
    'executionSeconds',
    asked === undefined ? undefined : asked / 1_000,
    undefined,
  );
  return seconds === undefined ? undefined : Math.ceil(seconds * 1_000);
};

/** The one way anything is started: within ceilings and quotas, its row first, its output recorded from the first byte. */
export const createLauncher = ({
  store,
  journal,
  sandboxes,
  pumps,
  quotas,
  onUsageRecorded,
  clock,
}: {
  store: Store;
  journal: Journal;
  sandboxes: SandboxAccess;
  pumps: Pumps;
  quotas: Quotas;
  onUsageRecorded: OnUsageRecorded;
  clock: () => number;
}) => {
  /** Nothing that fails may leave a process that runs while its row has ended, nor the other way round. */
  const begin = async (
    row: Process,
    claim: LaunchOptions['claim'],
    spawn: () => Promise<SandboxProcess>,
  ): Promise<SandboxProcess> => {
    try {
      await claim?.(row.id);
      // Before the start: what runs must have where its output goes.
      await journal.create(topicOf(row.id));
      return await spawn();
    } catch (error) {
      if (isAmbiguous(error)) pumps.maybeStarted(row);
      else await pumps.neverStarted(row);
      throw error;
    }
  };

  const launch = async (
    principal: Principal,
    { sandboxId, purpose, pty, ...raw }: Omit<StartOptions, 'idempotencyKey'>,
    { claim, stdin = true, input, listener, isShort = false }: LaunchOptions = {},
  ): Promise<Started> => {
    const command = check(Command, raw);
    const { handle, sandbox } = await sandboxes.open(principal, sandboxId, 'write');
    const { tenant } = sandbox;
    const timeoutMs = timeoutOf(principal, command.timeoutMs);
    const row: Process = {
      id: newId(pty ? 'trm' : 'prc'),
      tenant,
      sandboxId,
      createdBy: principal.subject,
      argv: command.argv,
      command: command.command,
      cwd: command.cwd ?? null,
      purpose,
      state: 'STARTING',
      ref: null,
      pid: null,
      cols: pty?.cols ?? null,
      rows: pty?.rows ?? null,
      exitCode: null,
      signal: null,
      startedAt: clock(),
      endedAt: null,
      timeoutMs: timeoutMs ?? null,
      cpuSeconds: null,
      maxMemoryBytes: null,
    };
    const cost: UsageEntry = {
      id: `${row.id}:executions`,
      tenant,
      subject: principal.subject,
      sandboxId,
      metric: 'executions',
      amount: 1,
      at: row.startedAt,
    };
    // Who runs something in another's sandbox uses their own quota as a subject, and its tenant's.
    const holder = { tenant, subject: principal.subject, plan: principal.plan, subjectLimit: null };
    const bounds = await quotas.bounds(holder, RUN_METRICS);
    using _ = pumps.announce(row);
    // The row first: what runs without one could never be found again.
    const excess = await store.processes.insert(row, [cost], bounds);
    if (excess) throw quotaExceeded(excess);
    onUsageRecorded({ tenant, plan: principal.plan, createdBy: principal.subject }, [cost]);
    const process = await begin(row, claim, () =>
      handle.spawn({
        id: row.id,
        argv: command.argv,
        env: command.env,
        stdin,
        ...(input ? { input } : {}),
        ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
        ...(pty ? { pty } : {}),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      }),
    );
    return pumps.start(row, process, { listener, isShort });
  };
  return launch;
};
