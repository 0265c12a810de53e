import type { Fence } from './fence.ts';
import type { Page } from './page.ts';
import type { Bound, Excess } from './quota.ts';
import type { Sandbox, SandboxFilter, SandboxOrder, SandboxState } from './sandbox.ts';
import type { SandboxEventNote } from './sandbox-event.ts';
import type { TenantScope } from './scope.ts';
import type { UsageSlice } from './usage.ts';

export type SandboxPatch = Partial<Omit<Sandbox, 'id' | 'tenant'>>;

/** One that waits, without what only its creation needs: `env` is sealed, and to open it costs. */
export type QueuedSandbox = Pick<
  Sandbox,
  | 'id'
  | 'tenant'
  | 'createdBy'
  | 'plan'
  | 'subjectLimit'
  | 'owner'
  | 'provider'
  | 'placement'
  | 'createdAt'
  | 'expiresAt'
  | 'queuedAt'
>;

export type QueuePage = {
  /** Only those of this server; null: anybody's. */
  owner: string | null;
  /** Most of one subject of a tenant at one provider: one of them that cannot be made hides nobody else's. */
  perGroup: number;
  limit: number;
};

/** When a change is made, and what is written with it: all in one transaction, or nothing. */
export type SandboxChange = {
  /** The row is in one of these states. */
  from?: readonly SandboxState[];
  fence?: Fence;
  /** These columns have these values. */
  expect?: Partial<
    Pick<Sandbox, 'ref' | 'expiresAt' | 'bookedAt' | 'owner' | 'ownerEpoch' | 'warnedExpiresAt'>
  >;
  event?: SandboxEventNote;
  /** What it used and is not booked yet. The row changes only if nobody else has booked from `from` on. */
  slice?: UsageSlice;
  /** Its processes that run end with it, at this instant, as lost. */
  losesProcessesAt?: number;
};

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
  /** All tenants: READY rows of an owner with `expiresAt` before the instant. */
  expiring(owner: string, before: number): Promise<Sandbox[]>;
  /** All tenants: those in one state, the longest waiting first. */
  inState(state: SandboxState): Promise<Sandbox[]>;
  /** All tenants: the first that wait, the longest waiting first. */
  queued(page: QueuePage): Promise<QueuedSandbox[]>;
  /** How many of the tenant wait in front of one that began to wait at `queuedAt`. */
  queuedBefore(tenant: string, queuedAt: number, id: string): Promise<number>;
  /** Removes a batch of those that ended before, with their labels, shares and processes; returns how many rows that was. */
  purge(before: number, limit: number): Promise<number>;
};
