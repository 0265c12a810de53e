import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { Store } from '../store/store.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { hostIdOf } from './host-id.ts';
import { establishIdentity, type Identity } from './identity.ts';
import { type Lease, openLease } from './lease.ts';
import type { Pool } from './pool.ts';

export type Ownership = { identity: Identity; lease: Lease; leaseMs: number; hostLostMs: number };

export type OwnershipOptions = {
  store: Store;
  stateDir: string;
  /** As configured; else the machine says it. */
  hostId: string | undefined;
  leaseMs: number;
  hostLostMs: number;
  log: Logger;
};

/** How an operator removes the doubt, said wherever there is one. */
export const CONFIRM =
  'Until an operator confirms it, this server takes over, expires and removes nothing that it has not made itself. When the original is gone for good, run "sandbank server confirm" with the settings of this server.';

/** Which server this is, and its lease on what it looks after. The caller holds the lock of the state directory. */
export const openOwnership = async ({
  store,
  stateDir,
  hostId,
  leaseMs,
  hostLostMs,
  log,
}: OwnershipOptions): Promise<Ownership> => {
  const host = hostIdOf(stateDir, hostId);
  const { servers } = store;
  const since = performance.now();
  const identity = await establishIdentity({ servers, stateDir, host, leaseMs });
  const { id, epoch, doubt } = identity;
  log.info({ server: id, epoch, host, deployment: identity.deployment }, 'the server is starting');
  if (doubt !== null) log.warn({ server: id }, `This server may be a copy. ${doubt} ${CONFIRM}`);
  return {
    identity,
    lease: openLease({ servers, identity, leaseMs, since, log }),
    leaseMs,
    hostLostMs,
  };
};

/** What a row of this server says of its owner. */
export type Assign = (provider: string) => Pick<Sandbox, 'owner' | 'ownerEpoch' | 'host'>;

export const assignTo =
  ({ identity, lease }: Ownership, pool: Pool): Assign =>
  (provider) => ({
    owner: lease.fence.owner,
    ownerEpoch: lease.fence.epoch,
    host: pool.isBound(provider) ? identity.host : null,
  });
