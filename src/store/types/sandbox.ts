import type { NetworkMode } from '../../providers/provider.ts';
import type { Fence } from './fence.ts';
import type { Page } from './page.ts';
import type { Bound, Excess } from './quota.ts';
import type { SandboxEventNote } from './sandbox-event.ts';
import type { TenantScope } from './scope.ts';
import type { UsageSlice } from './usage.ts';

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
  /** The server that looks after it; null: none does. */
  owner: string | null;
  /** Grows by one whenever the owner changes. */
  ownerEpoch: number;
  /** The machine it runs on, for providers that are bound to one. */
  host: string | null;
  /** Why it is where it is; null when that was not recorded. */
  placement: Readonly<Record<string, unknown>> | null;
  /** The expiry that was warned of; another one is warned of again. */
  warnedExpiresAt: number | null;
};

export type SandboxPatch = Partial<Omit<Sandbox, 'id' | 'tenant'>>;

/** When a change is made, and what is written with it: all in one transaction, or nothing. */
export type SandboxChange = {
  /** The row is in one of these states. */
  from?: readonly SandboxState[];
  fence?: Fence;
  /** These columns have these values. */
  expect?: Partial<Pick<Sandbox, 'ref' | 'expiresAt' | 'owner' | 'ownerEpoch' | 'warnedExpiresAt'>>;
  event?: SandboxEventNote;
  /** What it used and is not booked yet. The row changes only if nobody else has booked from `from` on. */
  slice?: UsageSlice;
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

export type SandboxStore = {
  /** Writes the row, and its event, if all bounds hold; else says which does not, and writes nothing. */
  insert(
    row: Sandbox,
    options?: { bounds?: readonly Bound[]; event?: SandboxEventNote },
  ): Promise<Excess | null>;
  /** From QUEUED to CREATING, if all bounds hold. null: it was not waiting any more, or another owns it. */
  admit(
    tenant: string,
    id: string,
    patch: SandboxPatch,
    options: { bounds: readonly Bound[]; fence?: Fence; event?: SandboxEventNote },
  ): Promise<Excess | Sandbox | null>;
  find(tenant: TenantScope, id: string): Promise<Sandbox | null>;
  /** In the order of `ids`; null where missing. */
  findMany(tenant: TenantScope, ids: readonly string[]): Promise<(Sandbox | null)[]>;
  page(
    tenant: TenantScope,
    filter: SandboxFilter,
    orderBy: SandboxOrder,
    page: Page,
  ): Promise<Sandbox[]>;
  /** A page and the tenant's latest event in one snapshot: what follows `seq` is exactly what the rows do not show yet. */
  pageWithCursor(
    tenant: string,
    filter: SandboxFilter,
    orderBy: SandboxOrder,
    page: Page,
  ): Promise<{ rows: Sandbox[]; seq: number }>;
  count(tenant: TenantScope, filter: SandboxFilter): Promise<number>;
  /** The row as it is after the change; null when the conditions did not hold, and nothing was written. */
  update(
    tenant: string,
    id: string,
    patch: SandboxPatch,
    change?: SandboxChange,
  ): Promise<Sandbox | null>;
  /** All tenants: what a starting server must look after. */
  unfinished(): Promise<Sandbox[]>;
  /** All tenants: READY rows with `expiresAt` before the instant. */
  expiring(before: number): Promise<Sandbox[]>;
  /** All tenants: those in one state, the longest waiting first. */
  inState(state: SandboxState): Promise<Sandbox[]>;
  /** How many of the tenant wait in front of one that began to wait at `queuedAt`. */
  queuedBefore(tenant: string, queuedAt: number, id: string): Promise<number>;
  /** Removes a batch of those that ended before, with their labels, shares and processes; returns how many rows that was. */
  purge(before: number, limit: number): Promise<number>;
};
