import type { Logger } from 'pino';
import type { Principal } from '../access/principal.ts';
import { AppError, notFound } from '../errors.ts';
import type { Cursors } from '../journal/cursor.ts';
import type { Journal } from '../journal/journal.ts';
import { newId } from '../lib/ids.ts';
import { createRetries } from '../lib/retries.ts';
import type { Pool } from '../pool/pool.ts';
import type {
  Health,
  Provider,
  ResourceLimits,
  ResourceUsage,
  SandboxHandle,
} from '../providers/provider.ts';
import type { Page, Sandbox, SandboxFilter, SandboxOrder, Store } from '../store/store.ts';
import { type Diagnosis, diagnose } from './diagnose.ts';
import { createSandboxEvents, type SandboxEvents } from './events.ts';
import { createExpiry } from './expiry.ts';
import { createOnce, type Once } from './idempotency.ts';
import { createLifecycle } from './lifecycle.ts';
import { recover } from './recovery.ts';
import { CreateSandbox, type CreateSandboxInput, check, Labels } from './types.ts';

export type SandboxServiceOptions = {
  store: Store;
  journal: Journal;
  cursors: Cursors;
  pool: Pool;
  /** Lives in milliseconds, and the limits of a sandbox that asks for none. */
  defaults: { timeoutMs: number; maxTimeoutMs: number; limits: ResourceLimits };
  clock: () => number;
  log: Logger;
};

export type SandboxService = {
  /** `NOT_FOUND`, also for another tenant's. */
  get(principal: Principal, id: string): Promise<Sandbox>;
  getMany(principal: Principal, ids: readonly string[]): Promise<(Sandbox | null)[]>;
  page(
    principal: Principal,
    filter: SandboxFilter,
    orderBy: SandboxOrder,
    page: Page,
  ): Promise<Sandbox[]>;
  count(principal: Principal, filter: SandboxFilter): Promise<number>;
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
  /** The sandbox with a live handle; `TERMINATED` when it is not ready. */
  open(principal: Principal, id: string): Promise<{ sandbox: Sandbox; handle: SandboxHandle }>;
  usage(principal: Principal, id: string): Promise<ResourceUsage>;
  diagnose(principal: Principal, id: string): Promise<Diagnosis[]>;
  providers(): Promise<{ provider: Provider; health: Health }[]>;
  events: SandboxEvents;
  once: Once;
  recover(): Promise<void>;
  dispose(): void;
};

const TEMPLATES = ['default'];
const MAX_DESTROY = 1_000;

export const createSandboxService = ({
  store,
  journal,
  cursors,
  pool,
  defaults,
  clock,
  log,
}: SandboxServiceOptions): SandboxService => {
  const events = createSandboxEvents({ journal, cursors, clock });
  const retries = createRetries((sandbox, error) =>
    log.warn({ err: error, sandbox }, 'a retry failed'),
  );
  const lifecycle = createLifecycle({ store, pool, events, retries, clock, log });
  const expiry = createExpiry({ store, events, lifecycle, clock, log });
  const once = createOnce(store, clock);

  const lifeOf = (seconds: number | undefined): number => {
    const ms = seconds === undefined ? defaults.timeoutMs : seconds * 1_000;
    if (ms > defaults.maxTimeoutMs)
      throw new AppError(
        'LIMIT_EXCEEDED',
        `A sandbox lives at most ${defaults.maxTimeoutMs / 1_000} seconds here, not ${ms / 1_000}.`,
        { details: { limit: defaults.maxTimeoutMs / 1_000 } },
      );
    return ms;
  };

  const service: SandboxService = {
    events,
    once,
    async get({ tenant }, id) {
      const row = await store.sandboxes.find(tenant, id);
      if (!row) throw notFound('sandbox', id);
      return row;
    },
    getMany: ({ tenant }, ids) => store.sandboxes.findMany(tenant, ids),
    page: ({ tenant }, filter, orderBy, page) =>
      store.sandboxes.page(tenant, filter, orderBy, page),
    count: ({ tenant }, filter) => store.sandboxes.count(tenant, filter),
    async create(principal, raw) {
      const input = check(CreateSandbox, raw);
      if (!TEMPLATES.includes(input.template))
        throw new AppError(
          'INVALID_ARGUMENT',
          `There is no template "${input.template}". There is: ${TEMPLATES.join(', ')}.`,
        );
      const lifeMs = lifeOf(input.timeoutSeconds);
      const { tenant, subject } = principal;
      const make = async (claim: (id: string) => Promise<void>): Promise<Sandbox> => {
        const provider = await pool.choose({ provider: input.provider, network: input.network });
        const now = clock();
        const row: Sandbox = {
          id: newId('sbx'),
          tenant,
          createdBy: subject,
          provider: provider.name,
          ref: null,
          state: 'CREATING',
          template: input.template,
          labels: input.labels,
          env: input.env,
          cpus: input.cpus ?? defaults.limits.cpus,
          memoryBytes: input.memoryBytes ?? defaults.limits.memoryBytes,
          diskBytes: input.diskBytes ?? defaults.limits.diskBytes,
          maxProcesses: input.processes ?? defaults.limits.processes,
          networkMode: input.network.mode,
          networkAllow: input.network.allow,
          createdAt: now,
          readyAt: null,
          expiresAt: now + lifeMs,
          endedAt: null,
          terminationReason: null,
          terminationMessage: null,
        };
        return lifecycle.create(provider, row, () => claim(row.id));
      };
      return once(
        { tenant, operation: 'createSandbox', key: input.idempotencyKey, parameters: input },
        make,
        async (id) => {
          const row = await store.sandboxes.find(tenant, id);
          return row?.terminationReason === 'CREATE_FAILED' ? null : row;
        },
      );
    },
    async setLabels(principal, id, raw) {
      const labels = check(Labels, raw);
      await service.get(principal, id);
      await store.sandboxes.update(principal.tenant, id, { labels });
      return service.get(principal, id);
    },
    async extend(principal, id, seconds) {
      const expiresAt = clock() + lifeOf(seconds);
      const sandbox = await service.get(principal, id);
      const extended =
        sandbox.expiresAt > clock() &&
        (await store.sandboxes.update(principal.tenant, id, { expiresAt }, ['CREATING', 'READY']));
      if (!extended) throw over(sandbox);
      expiry.expect(id);
      return { ...sandbox, expiresAt };
    },
    async destroy(principal, id) {
      const sandbox = await service.get(principal, id);
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
      const rows = await store.sandboxes.page(
        principal.tenant,
        { states: ['CREATING', 'READY'], ...filter },
        'createdAt',
        { limit: MAX_DESTROY, descending: false },
      );
      const living = rows.filter(({ endedAt }) => endedAt === null);
      return Promise.all(living.map(({ id }) => service.destroy(principal, id)));
    },
    async open(principal, id) {
      const sandbox = await service.get(principal, id);
      if (sandbox.state !== 'READY') throw over(sandbox);
      return { sandbox, handle: await pool.handle(sandbox) };
    },
    usage: async (principal, id) => (await service.open(principal, id)).handle.usage(),
    diagnose: async (principal, id) => diagnose(await service.get(principal, id), pool),
    providers: () =>
      Promise.all(
        pool
          .providers()
          .map(async (provider) => ({ provider, health: await pool.health(provider) })),
      ),
    recover: () => recover({ store, pool, lifecycle, retries, clock, log }),
    dispose() {
      expiry.dispose();
      retries.dispose();
      lifecycle.dispose();
    },
  };
  return service;
};

const over = ({ id, state, terminationMessage }: Sandbox): AppError =>
  new AppError(
    'TERMINATED',
    state === 'CREATING'
      ? `The sandbox ${id} is still being created. Wait for its SandboxReady event.`
      : `The sandbox ${id} has ended. ${terminationMessage ?? ''}`.trim(),
    { retryable: state === 'CREATING' },
  );
