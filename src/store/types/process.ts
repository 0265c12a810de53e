import type { Fence } from './fence.ts';
import type { Page } from './page.ts';
import type { Bound, Excess } from './quota.ts';
import type { TenantScope } from './scope.ts';
import type { UsageEntry } from './usage.ts';

export const processStates = [
  'STARTING',
  'RUNNING',
  'EXITED',
  'SIGNALED',
  'TIMED_OUT',
  'LOST',
] as const;
export type ProcessState = (typeof processStates)[number];

/** A terminal is a process with `cols` and `rows`. */
export type Process = {
  id: string;
  /** The provider's name of it; null where that is `id`, or until it runs. */
  ref: string | null;
  tenant: string;
  sandboxId: string;
  createdBy: string;
  /** What the caller asked to run, as words. */
  argv: readonly string[];
  /** How to show it: the shell command as given, or argv joined. */
  command: string;
  cwd: string | null;
  /** `exec`, `start`, `terminal`, `code`, `packages`. */
  purpose: string;
  state: ProcessState;
  pid: number | null;
  cols: number | null;
  rows: number | null;
  exitCode: number | null;
  signal: string | null;
  startedAt: number;
  endedAt: number | null;
  timeoutMs: number | null;
  cpuSeconds: number | null;
  maxMemoryBytes: number | null;
};

export type ProcessFilter = { states?: readonly ProcessState[]; terminals?: boolean };

export type ProcessStore = {
  /** With what it costs, as one; if all bounds hold, as for sandboxes. */
  insert(
    row: Process,
    usage?: readonly UsageEntry[],
    bounds?: readonly Bound[],
  ): Promise<Excess | null>;
  find(tenant: TenantScope, id: string): Promise<Process | null>;
  findMany(tenant: TenantScope, ids: readonly string[]): Promise<(Process | null)[]>;
  /** Ordered by startedAt. */
  page(tenant: string, sandboxId: string, filter: ProcessFilter, page: Page): Promise<Process[]>;
  count(tenant: string, sandboxId: string, filter: ProcessFilter): Promise<number>;
  update(
    tenant: string,
    id: string,
    patch: Partial<Omit<Process, 'id' | 'tenant' | 'sandboxId'>>,
    from?: readonly ProcessState[],
    /** Only while the sandbox has this owner. */
    fence?: Fence,
  ): Promise<boolean>;
  /** All tenants: STARTING and RUNNING, in the sandboxes that a server owns or owned when they ended, or in one of them. */
  unfinished(owner: string, sandboxId?: string): Promise<Process[]>;
  /** Removes a batch of those that ended before; returns how many. */
  purge(before: number, limit: number): Promise<number>;
};
