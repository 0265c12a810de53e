import type { NetworkMode } from '../providers/provider.ts';

import type { AccessStore, Bound, Excess, UsageEntry } from './access-store.ts';
import type { Page } from './page.ts';

/** The seam of records that outlive the server. Every query names the tenant: nobody can forget it. Times are milliseconds since the epoch. */

/** Said where a query is meant to see all tenants; everywhere else it names one. */
export const everyTenant = Symbol('every tenant');
export type TenantScope = string | typeof everyTenant;

export const sandboxStates = [
  'QUEUED',
  'CREATING',
  'READY',
  'DESTROYING',
  'TERMINATED',
  'FAILED',
] as const;
export type SandboxState = (typeof sandboxStates)[number];

export const terminationReasons = [
  'USER',
  'EXPIRED',
  'LOST',
  'CREATE_FAILED',
  'QUEUE_TIMEOUT',
  'PROVIDER',
] as const;
export type TerminationReason = (typeof terminationReasons)[number];

export type Labels = Readonly<Record<string, string>>;

export type Sandbox = {
  id: string;
  tenant: string;
  /** The subject of the token that created it. */
  createdBy: string;
  provider: string;
  /** The provider's id; null until it answered. */
  ref: string | null;
  state: SandboxState;
  template: string;
  labels: Labels;
  env: Readonly<Record<string, string>>;
  cpus: number;
  memoryBytes: number;
  diskBytes: number;
  maxProcesses: number;
  networkMode: NetworkMode;
  networkAllow: readonly string[];
  createdAt: number;
  readyAt: number | null;
  expiresAt: number;
  endedAt: number | null;
  terminationReason: TerminationReason | null;
  terminationMessage: string | null;
  /** Of the token that created it: what its tenant may use. */
  plan: string;
  /** Most sandboxes at once that the role of its creator allows; null: no such limit. */
  subjectLimit: number | null;
  /** When it began to wait for room; null when there was room at once. */
  queuedAt: number | null;
  /** Until when its usage is in the ledger, and how much of the provider's total of CPU; null before it was ready. */
  bookedAt: number | null;
  bookedCpuSeconds: number;
};

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

export type SandboxFilter = {
  states?: readonly SandboxState[];
  providers?: readonly string[];
  /** All of these must be present with these values. */
  labels?: Labels;
  /** Part of the id, the template, a label's key or a label's value, case-insensitive. */
  text?: string;
  ids?: readonly string[];
  /** Made by this subject, or shared with it. */
  visibleTo?: string;
};

export const sandboxOrders = ['createdAt', 'expiresAt'] as const;
export type SandboxOrder = (typeof sandboxOrders)[number];

export type ProcessFilter = { states?: readonly ProcessState[]; terminals?: boolean };

export type IdempotencyRecord = {
  tenant: string;
  /** Which mutation. */
  operation: string;
  key: string;
  /** sha256 of the parameters. */
  fingerprint: string;
  /** Id of what was made; null while the first call is under way. */
  resultId: string | null;
  createdAt: number;
};

export type Store = {
  sandboxes: {
    /** Writes the row if all bounds hold; else says which does not, and writes nothing. */
    insert(row: Sandbox, bounds?: readonly Bound[]): Promise<Excess | null>;
    /** From QUEUED to CREATING, if all bounds hold. `false`: it was not waiting any more. */
    admit(
      row: Pick<Sandbox, 'tenant' | 'id' | 'expiresAt'>,
      bounds: readonly Bound[],
    ): Promise<Excess | boolean>;
    find(tenant: TenantScope, id: string): Promise<Sandbox | null>;
    /** In the order of `ids`; null where missing. */
    findMany(tenant: TenantScope, ids: readonly string[]): Promise<(Sandbox | null)[]>;
    page(
      tenant: TenantScope,
      filter: SandboxFilter,
      orderBy: SandboxOrder,
      page: Page,
    ): Promise<Sandbox[]>;
    count(tenant: TenantScope, filter: SandboxFilter): Promise<number>;
    /** Changes the row if it is in one of `from` (any state when absent); false when it was not. */
    update(
      tenant: string,
      id: string,
      patch: Partial<Omit<Sandbox, 'id' | 'tenant'>>,
      from?: readonly SandboxState[],
    ): Promise<boolean>;
    /** All tenants: what a starting server must look after. */
    unfinished(): Promise<Sandbox[]>;
    /** All tenants: READY rows with `expiresAt` before the instant. */
    expiring(before: number): Promise<Sandbox[]>;
    /** All tenants: those in one state, the longest waiting first. */
    inState(state: SandboxState): Promise<Sandbox[]>;
    /** How many of the tenant wait in front of one that began to wait at `queuedAt`. */
    queuedBefore(tenant: string, queuedAt: number, id: string): Promise<number>;
  };
  processes: {
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
    ): Promise<boolean>;
    /** All tenants: STARTING and RUNNING. */
    unfinished(): Promise<Process[]>;
  };
  idempotency: {
    /** Records the first call and answers null; a later one gets the record of the first. Records older than `notBefore` count as absent. */
    begin(
      record: Omit<IdempotencyRecord, 'resultId'>,
      notBefore: number,
    ): Promise<IdempotencyRecord | null>;
    complete(tenant: string, operation: string, key: string, resultId: string): Promise<void>;
    /** The first call failed before it made anything: the key is free again. */
    forget(tenant: string, operation: string, key: string): Promise<void>;
    purge(before: number): Promise<void>;
  };
  access: AccessStore;
  /** Throws when the database does not answer. */
  ping(): Promise<void>;
  dispose(): Promise<void>;
};
