import type { Logger } from 'pino';
import { createVisibility, tenantFor } from '../authorization/visibility.ts';
import { createIdempotency } from '../idempotency/idempotency.ts';
import type { Cursors } from '../journal/cursor.ts';
import type { Quotas } from '../limits/quotas.ts';
import { keepSandboxes } from '../pool/keep-sandboxes.ts';
import type { Keeper } from '../pool/keeper.ts';
import type { Ownership } from '../pool/ownership.ts';
import type { Pool } from '../pool/pool.ts';
import { createSandboxEvents } from '../pool/sandbox-events.ts';
import type { Store } from '../store/store.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { Meter } from '../usage/meter.ts';
import { createSandboxAccess, type SandboxAccess } from './access.ts';
import { createChanges } from './changes.ts';
import { createConnect } from './connect.ts';
import { createCreation } from './creation.ts';
import type { SandboxDefaults } from './new-row.ts';
import type { SandboxService } from './operations.ts';
import { createSandboxReader } from './reader.ts';

export type SandboxServiceOptions = {
  store: Store;
  cursors: Cursors;
  pool: Pool;
  ownership: Ownership;
  quotas: Quotas;
  meter: Meter;
  /** Told of each sandbox that was made. */
  created: (row: Sandbox) => void;
  defaults: SandboxDefaults;
  /** How long one may wait for room, in milliseconds. */
  maxWaitMs: number;
  clock: () => number;
  log: Logger;
};

export type SandboxControl = SandboxService & {
  access: SandboxAccess;
  keeper: Keeper;
  /** Begins no create any more, and ends those under way: who waits for one hears that the server stops. */
  stopCreating(): Promise<void>;
  dispose(): Promise<void>;
};

export const createSandboxService = (options: SandboxServiceOptions): SandboxControl => {
  const { store, cursors, pool, clock, log } = options;
  const events = createSandboxEvents({
    log: store.sandboxEvents,
    cursors,
    onError: (error) =>
      log.error({ err: error }, 'sandbox events could not be read; the next look tries again'),
  });
  const { keeper, requireHere, stopCreating, dispose, ...kept } = keepSandboxes(options);
  const runOnce = createIdempotency(store, clock);
  const reader = createSandboxReader(store, createVisibility(store.shares));
  const connect = createConnect(pool, requireHere);
  const access = createSandboxAccess({ store, reader, connect, requireHere, runOnce });
  return {
    access,
    get: (principal, id) => reader.find(principal, id, 'read'),
    getMany: reader.findMany,
    page: reader.page,
    count: reader.count,
    create: createCreation({ ...options, ...kept, runOnce }),
    ...createChanges({ ...options, ...kept, lease: options.ownership.lease, reader, connect }),
    usage: async (principal, id) => (await access.open(principal, id, 'read')).handle.usage(),
    async queuePosition(principal, id) {
      const { tenant, state, queuedAt } = await reader.find(principal, id, 'read');
      if (state !== 'QUEUED' || queuedAt === null) return null;
      return (await store.sandboxes.queuedBefore(tenant, queuedAt, id)) + 1;
    },
    async events(principal, { tenant, ...filter }, after, signal) {
      const sees = (row: Pick<Sandbox, 'id' | 'tenant' | 'createdBy'>) =>
        reader.sees(principal, row);
      return events.read(tenantFor(principal, tenant), filter, sees, after, signal);
    },
    keeper,
    stopCreating,
    async dispose() {
      events.dispose();
      await dispose();
    },
  };
};
