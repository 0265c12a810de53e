import type { NetworkMode } from '../../providers/types/capabilities.ts';
import type { Page } from './page.ts';
import type { Bound, Excess } from './quota.ts';
import type { TenantScope } from './scope.ts';

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
