import type { Principal } from '../authentication/principal.ts';
import { applyCeiling } from '../authorization/ceilings.ts';
import { AppError } from '../errors.ts';
import type { RunOnce } from '../idempotency/idempotency.ts';
import { newId } from '../lib/ids.ts';
import { type Quotas, quotaExceeded } from '../limits/quotas.ts';
import { CREATE_METRICS } from '../pool/admission.ts';
import type { CreateQueue } from '../pool/create-queue.ts';
import type { Lifecycle } from '../pool/lifecycle.ts';
import type { Assign } from '../pool/ownership.ts';
import { fitting, type Placement } from '../pool/placement.ts';
import type { Pool } from '../pool/pool.ts';
import type { LimitedResource } from '../providers/types/capabilities.ts';
import type { ResourceLimits } from '../providers/types/sandbox.ts';
import type { Store } from '../store/store.ts';
import type { Bound } from '../store/types/quota.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { CreateSandbox, type CreateSandboxInput, check } from './types.ts';

type Defaults = { timeoutMs: number; maxTimeoutMs: number; limits: ResourceLimits };
type Wanted = ReturnType<typeof CreateSandbox.parse>;

/** The limits that a caller asks for by name; defaults are held as well as the provider can. */
const limitsAsked = ({ cpus, memoryBytes, diskBytes, processes }: Wanted): LimitedResource[] => {
  const asked = { cpu: cpus, memory: memoryBytes, disk: diskBytes, processes };
  return (Object.keys(asked) as (keyof typeof asked)[]).filter((name) => asked[name] !== undefined);
};

/** From what a caller asks for to a sandbox: what its role allows, who runs it, whether there is room. */
export const createCreation = ({
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
}: {
  store: Store;
  pool: Pool;
  assign: Assign;
  quotas: Quotas;
  lifecycle: Lifecycle;
  createQueue: CreateQueue;
  runOnce: RunOnce;
  defaults: Defaults;
  created: (row: Sandbox) => void;
  maxWaitMs: number;
  clock: () => number;
}) => {
  const lifeOf = (seconds: number | undefined): number => {
    const ms = seconds === undefined ? defaults.timeoutMs : seconds * 1_000;
    if (ms > defaults.maxTimeoutMs)
      throw new AppError(
        'LIMIT_EXCEEDED',
        `A sandbox lives at most ${defaults.maxTimeoutMs / 1_000} seconds here, not ${ms / 1_000}.`,
        { details: { limit: 'lifetimeSeconds', maximum: defaults.maxTimeoutMs / 1_000 } },
      );
    return ms;
  };

  const toRow = (
    { subject, tenant, plan, rights }: Principal,
    input: Wanted,
    placement: Placement,
  ): Sandbox => {
    const now = clock();
    const { limits } = defaults;
    const [provider = ''] = fitting(placement);
    const life = applyCeiling(
      rights,
      'lifetimeSeconds',
      input.timeoutSeconds,
      defaults.timeoutMs / 1_000,
    );
    return {
      id: newId('sbx'),
      tenant,
      createdBy: subject,
      plan,
      subjectLimit: rights.ceilings.concurrentSandboxes ?? null,
      ...assign(provider),
      provider,
      ref: null,
      state: 'CREATING',
      template: input.template,
      labels: input.labels,
      env: input.env,
      cpus: applyCeiling(rights, 'cpus', input.cpus, limits.cpus),
      memoryBytes: applyCeiling(rights, 'memoryBytes', input.memoryBytes, limits.memoryBytes),
      diskBytes: applyCeiling(rights, 'diskBytes', input.diskBytes, limits.diskBytes),
      maxProcesses: input.processes ?? limits.processes,
      networkMode: input.network.mode,
      networkAllow: input.network.allow,
      createdAt: now,
      readyAt: null,
      expiresAt: now + lifeOf(life),
      endedAt: null,
      terminationReason: null,
      terminationMessage: null,
      queuedAt: null,
      bookedAt: null,
      bookedCpuSeconds: 0,
      placement,
      warnedExpiresAt: null,
    };
  };

  /** There can be room again before the wait is over. */
  const mayPass = ({ metric, limit, resetAt }: Bound): boolean =>
    metric === 'concurrentSandboxes'
      ? limit > 0
      : resetAt !== null && resetAt <= clock() + maxWaitMs;

  const make = async (
    principal: Principal,
    input: Wanted,
    claim: (id: string) => Promise<void>,
  ): Promise<Sandbox> => {
    const placement = pool.place({
      provider: input.provider,
      template: input.template,
      allowed: principal.rights.providers,
      network: input.network,
      limits: limitsAsked(input),
    });
    const row = toRow(principal, input, placement);
    const wait = async (): Promise<Sandbox> => {
      await claim(row.id);
      return createQueue.enqueue(row);
    };
    if (input.wait && (await createQueue.hasWaiting(row.tenant))) return wait();
    const bounds = await quotas.bounds({ ...row, subject: row.createdBy }, CREATE_METRICS);
    const result = await lifecycle.create(row, bounds, () => claim(row.id));
    if (!('bound' in result)) {
      created(result);
      return result;
    }
    if (input.wait && mayPass(result.bound)) return wait();
    throw quotaExceeded(result);
  };

  return {
    lifeOf,
    async create(principal: Principal, raw: CreateSandboxInput) {
      const input = check(CreateSandbox, raw);
      const { tenant, subject } = principal;
      const { idempotencyKey: key } = input;
      return runOnce(
        { tenant, subject, operation: 'createSandbox', key, parameters: input },
        (claim) => make(principal, input, claim),
        async (id) => {
          const row = await store.sandboxes.find(tenant, id);
          return row?.terminationReason === 'CREATE_FAILED' ? null : row;
        },
      );
    },
  };
};
