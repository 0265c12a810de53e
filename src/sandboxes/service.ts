import type { Logger } from 'pino';
import type { Principal } from '../authentication/principal.ts';
import { applyCeiling } from '../authorization/ceilings.ts';
import { createVisibility, seesAll, tenantFor } from '../authorization/visibility.ts';
import { whileVisible } from '../authorization/while-visible.ts';
import { AppError } from '../errors.ts';
import { createIdempotency, type RunOnce } from '../idempotency/idempotency.ts';
import type { Cursors } from '../journal/cursor.ts';
import type { Quotas } from '../limits/quotas.ts';
import { keepSandboxes } from '../pool/keep-sandboxes.ts';
import type { Keeper } from '../pool/keeper.ts';
import type { Ownership } from '../pool/ownership.ts';
import type { Pool } from '../pool/pool.ts';
import { createSandboxEvents } from '../pool/sandbox-events.ts';
import type { SandboxHandle } from '../providers/types/handle.ts';
import type { ResourceLimits, ResourceUsage } from '../providers/types/sandbox.ts';
import type { Store } from '../store/store.ts';
import type { Sandbox, SandboxFilter } from '../store/types/sandbox.ts';
import type {
  SandboxEvent,
  SandboxEventFilter,
  SandboxEventGap,
} from '../store/types/sandbox-event.ts';
import type { ShareAccess } from '../store/types/share.ts';
import type { Meter } from '../usage/meter.ts';
import { createCreation } from './creation.ts';
import { createSandboxReader, type SandboxReader } from './reader.ts';
import { type CreateSandboxInput, check, Labels } from './types.ts';

export type SandboxServiceOptions = {
  store: Store;
  cursors: Cursors;
  pool: Pool;
  ownership: Ownership;
  quotas: Quotas;
  meter: Meter;
  /** Told of each sandbox that was made. */
  created: (row: Sandbox) => void;
  /** Lives in milliseconds, and the limits of a sandbox that asks for none. */
  defaults: { timeoutMs: number; maxTimeoutMs: number; limits: ResourceLimits };
  /** How long one may wait for room, in milliseconds. */
  maxWaitMs: number;
  clock: () => number;
  log: Logger;
};

/** What callers get; who may call what is in rules.ts. */
export type SandboxService = Pick<SandboxReader, 'page' | 'count'> & {
  /** `NOT_FOUND`, also for another's. */
  get(principal: Principal, id: string): Promise<Sandbox>;
  getMany: SandboxReader['findMany'];
  create(
    principal: Principal,
    input: CreateSandboxInput,
  ): Promise<{ row: Sandbox; replayed: boolean }>;
  /** Replaces all labels. */
  setLabels(principal: Principal, id: string, labels: Record<string, string>): Promise<Sandbox>;
  /** Ends `seconds` from now instead. */
  extend(principal: Principal, id: string, seconds: number): Promise<Sandbox>;
  destroy(principal: Principal, id: string): Promise<Sandbox>;
  destroyMany(principal: Principal, filter: SandboxFilter): Promise<Sandbox[]>;
  usage(principal: Principal, id: string): Promise<ResourceUsage>;
  /** 1 for the next one; null for one that does not wait. */
  queuePosition(principal: Principal, id: string): Promise<number | null>;
  /** Of the caller's tenant, or of another where its role reaches that far. */
  events(
    principal: Principal,
    filter: SandboxEventFilter & { tenant?: string | undefined },
    after: string | null,
    signal: AbortSignal,
  ): Promise<AsyncIterable<SandboxEvent | SandboxEventGap>>;
};

/** What other services get: no permission is asked for here, but what a caller may not see is not there either. */
export type SandboxAccess = Pick<SandboxReader, 'find' | 'findMany'> & {
  /** The sandbox with a live handle; `TERMINATED` when it is not ready. */
  open(
    principal: Principal,
    id: string,
    need: ShareAccess,
  ): Promise<{ sandbox: Sandbox; handle: SandboxHandle }>;
  /** For who holds a signed URL instead of a token. */
  openFor(tenant: string, id: string): Promise<{ sandbox: Sandbox; handle: SandboxHandle }>;
  /** Events of a sandbox for as long as the caller may see it: a share that is taken back ends them with `NOT_FOUND`. */
  whileVisible<Event>(
    principal: Principal,
    id: string,
    events: AsyncIterable<Event>,
  ): Promise<AsyncIterable<Event>>;
  /** As `RequireHere`, also of one that has ended: what it said is kept where it ran. */
  requireHere(tenant: string, id: string): Promise<void>;
  runOnce: RunOnce;
};

export type SandboxControl = SandboxService & {
  access: SandboxAccess;
  keeper: Keeper;
  dispose(): Promise<void>;
};

const MAX_DESTROY = 1_000;

export const createSandboxService = ({
  store,
  cursors,
  pool,
  ownership,
  quotas,
  meter,
  created,
  defaults,
  maxWaitMs,
  clock,
  log,
}: SandboxServiceOptions): SandboxControl => {
  const events = createSandboxEvents({
    log: store.sandboxEvents,
    cursors,
    onError: (error) =>
      log.error({ err: error }, 'sandbox events could not be read; the next look tries again'),
  });
  const { lifecycle, createQueue, keeper, requireHere, assign, ...kept } = keepSandboxes({
    ...{ store, pool, ownership, quotas, meter, maxWaitMs, clock, log },
  });
  const runOnce = createIdempotency(store, clock);
  const reader = createSandboxReader(store, createVisibility(store.shares));
  const creation = createCreation({
    ...{
      store,
      pool,
      assign,
      quotas,
      lifecycle,
      createQueue,
      runOnce,
      defaults,
      created,
      maxWaitMs,
      clock,
    },
  });

  const open = async (sandbox: Sandbox) => {
    if (sandbox.state !== 'READY') throw over(sandbox);
    await requireHere(sandbox);
    return { sandbox, handle: await pool.handle(sandbox) };
  };
  const access: SandboxAccess = {
    find: reader.find,
    findMany: reader.findMany,
    open: async (principal, id, need) => open(await reader.find(principal, id, need)),
    async openFor(tenant, id) {
      const sandbox = await store.sandboxes.find(tenant, id);
      if (!sandbox) throw new AppError('NOT_FOUND', 'The sandbox is gone.');
      return open(sandbox);
    },
    async whileVisible(principal, id, events) {
      if (seesAll(principal)) return events;
      const { createdBy } = await reader.find(principal, id, 'read');
      const isForGood = principal.rights.reach !== 'own' || createdBy === principal.subject;
      return isForGood ? events : whileVisible(events, () => reader.find(principal, id, 'read'));
    },
    async requireHere(tenant, id) {
      const sandbox = await store.sandboxes.find(tenant, id);
      if (sandbox) await requireHere(sandbox);
    },
    runOnce,
  };

  const service: SandboxControl = {
    access,
    get: (principal, id) => reader.find(principal, id, 'read'),
    getMany: reader.findMany,
    page: reader.page,
    count: reader.count,
    create: creation.create,
    async setLabels(principal, id, raw) {
      const labels = check(Labels, raw);
      const { tenant } = await reader.find(principal, id, 'write');
      await store.sandboxes.update(tenant, id, { labels });
      return service.get(principal, id);
    },
    async extend(principal, id, seconds) {
      const asked = applyCeiling(principal.rights, 'lifetimeSeconds', seconds, undefined);
      const expiresAt = clock() + creation.lifeOf(asked);
      const sandbox = await reader.find(principal, id, 'write');
      if (sandbox.expiresAt <= clock()) throw over(sandbox);
      const move = async (): Promise<void> => (await open(sandbox)).handle.extendTo(expiresAt);
      // The row promises a later end only when the provider has agreed to it; an earlier one Sandbank keeps alone.
      if (expiresAt > sandbox.expiresAt) await move();
      const changed = await store.sandboxes.update(
        sandbox.tenant,
        id,
        { expiresAt },
        { from: ['CREATING', 'READY'] },
      );
      if (!changed) throw over(sandbox);
      if (expiresAt < sandbox.expiresAt)
        move().catch((error: unknown) =>
          log.debug({ err: error, sandbox: id }, 'the provider keeps the later expiration'),
        );
      return { ...sandbox, expiresAt };
    },
    async destroy(principal, id) {
      const sandbox = await reader.find(principal, id, 'write');
      await lifecycle.destroy(sandbox, 'USER', `Destroyed by ${principal.subject}.`);
      return service.get(principal, id);
    },
    async destroyMany(principal, filter) {
      if (
        Object.values(filter).every(
          (value) =>
            value === undefined || (typeof value === 'object' && Object.keys(value).length === 0),
        )
      ) {
        throw new AppError(
          'INVALID_ARGUMENT',
          'The filter is empty. Name what to destroy; to destroy all, filter by state.',
        );
      }
      const rows = await reader.page(
        principal,
        { states: ['QUEUED', 'CREATING', 'READY'], ...filter },
        'createdAt',
        { limit: MAX_DESTROY, descending: false },
      );
      const living = rows.filter(({ endedAt }) => endedAt === null);
      return Promise.all(living.map(({ id }) => service.destroy(principal, id)));
    },
    usage: async (principal, id) => (await access.open(principal, id, 'read')).handle.usage(),
    async queuePosition(principal, id) {
      const { tenant, state, queuedAt } = await service.get(principal, id);
      if (state !== 'QUEUED' || queuedAt === null) return null;
      return (await store.sandboxes.queuedBefore(tenant, queuedAt, id)) + 1;
    },
    async events(principal, { tenant, ...filter }, after, signal) {
      const sees = (row: Pick<Sandbox, 'id' | 'tenant' | 'createdBy'>) =>
        reader.sees(principal, row);
      return events.read(tenantFor(principal, tenant), filter, sees, after, signal);
    },
    keeper,
    async dispose() {
      events.dispose();
      await kept.dispose();
    },
  };
  return service;
};

const over = ({ id, state, terminationMessage }: Sandbox): AppError =>
  new AppError(
    'TERMINATED',
    state === 'CREATING' || state === 'QUEUED'
      ? `The sandbox ${id} is not ready yet (${state}). Wait for its SandboxReady event.`
      : `The sandbox ${id} has ended. ${terminationMessage ?? ''}`.trim(),
    { retryable: state === 'CREATING' || state === 'QUEUED' },
  );
