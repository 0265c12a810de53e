import type { Fence } from './fence.ts';
import type { Sandbox } from './sandbox.ts';

/** Enough of a row to say whose it is. */
export type OwnedRow = Pick<
  Sandbox,
  'id' | 'tenant' | 'provider' | 'ref' | 'owner' | 'ownerEpoch' | 'host'
>;

/** Who looks after which sandbox. All tenants; only rows that take up room: CREATING, READY and DESTROYING. */
export type OwnershipStore = {
  /** After a start: what this server owned before gets its new epoch. */
  takeBack(fence: Fence): Promise<void>;
  /** What is at none of these providers and bound to no host is nobody's from now on, so that a server that has its provider takes it over. */
  release(owner: string, providers: readonly string[]): Promise<void>;
  owned(fence: Fence): Promise<Sandbox[]>;
  /**
   * Whose owner's lease is over, by id, after `after`: those bound to no host or to this one, and those of `predecessor`.
   */
  abandoned(
    by: { host: string; predecessor: string | null },
    after: string,
    limit: number,
  ): Promise<OwnedRow[]>;
  /** Gives a row a new owner if it still has the old one, whose lease is still over; null otherwise. `host` as it will be stored. */
  takeOver(row: OwnedRow, fence: Fence, host: string | null): Promise<Sandbox | null>;
  /** Bound to a host, and their owner has been silent for longer than this. */
  unreachable(silentMs: number, limit: number): Promise<Sandbox[]>;
};
