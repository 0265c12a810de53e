import type { NetworkMode } from '../providers/provider.ts';

/** The seam of records that outlive the server. Every query names the tenant: nobody can forget it. Times are milliseconds since the epoch. */

export const sandboxStates = ['CREATING', 'READY', 'DESTROYING', 'TERMINATED', 'FAILED'] as const;
export type SandboxState = (typeof sandboxStates)[number];

export const terminationReasons = ['USER', 'EXPIRED', 'LOST', 'CREATE_FAILED', 'PROVIDER'] as const;
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

/** Keyset paging: rows after `after` in the order given by (`orderBy`, id). */
export type Page = {
  limit: number;
  after?: { key: number; id: string };
  /** Newest first when true. */
  descending: boolean;
};

export type SandboxFilter = {
  states?: readonly SandboxState[];
  providers?: readonly string[];
  /** All of these must be present with these values. */
  labels?: Labels;
  /** Part of the id, the template, a label's key or a label's value, case-insensitive. */
  text?: string;
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
    insert(row: Sandbox): Promise<void>;
    find(tenant: string, id: string): Promise<Sandbox | null>;
    /** In the order of `ids`; null where missing. */
    findMany(tenant: string, ids: readonly string[]): Promise<(Sandbox | null)[]>;
    page(
      tenant: string,
      filter: SandboxFilter,
      orderBy: SandboxOrder,
      page: Page,
    ): Promise<Sandbox[]>;
    count(tenant: string, filter: SandboxFilter): Promise<number>;
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
  };
  processes: {
    insert(row: Process): Promise<void>;
    find(tenant: string, id: string): Promise<Process | null>;
    findMany(tenant: string, ids: readonly string[]): Promise<(Process | null)[]>;
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
  /** Throws when the database does not answer. */
  ping(): Promise<void>;
  dispose(): Promise<void>;
};
