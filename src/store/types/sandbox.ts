import type { NetworkMode } from '../../providers/types/capabilities.ts';

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
