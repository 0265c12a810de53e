import { setTimeout as sleep } from 'node:timers/promises';
import type { Principal } from '../authentication/principal.ts';
import { AppError } from '../errors.ts';
import type { RunOnce } from '../idempotency/idempotency.ts';
import { type Quotas, quotaExceeded } from '../limits/quotas.ts';
import { CREATE_METRICS } from '../pool/admission.ts';
import type { CreateQueue } from '../pool/create-queue.ts';
import type { Lifecycle } from '../pool/lifecycle.ts';
import type { Assign } from '../pool/ownership.ts';
import type { Pool } from '../pool/pool.ts';
import type { LimitedResource } from '../providers/types/capabilities.ts';
import type { Store } from '../store/store.ts';
import type { Bound } from '../store/types/quota.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { newRow, type SandboxDefaults, type Wanted } from './new-row.ts';
import type { SandboxService } from './operations.ts';
import { CreateSandbox, check } from './types.ts';

export type CreationOptions = {
  store: Store;
  pool: Pool;
  assign: Assign;
  quotas: Quotas;
  lifecycle: Lifecycle;
  createQueue: CreateQueue;
  runOnce: RunOnce;
  defaults: SandboxDefaults;
  /** Told of each sandbox that was made. */
  created: (row: Sandbox) => void;
  /** How long one may wait for room, in milliseconds. */
  maxWaitMs: number;
  clock: () => number;
};

/** As long as a provider may take. */
const REPLAY_MS = 120_000;

/** The limits that a caller asks for by name; defaults are held as well as the provider can. */
const limitsAsked = ({ cpus, memoryBytes, diskBytes, processes }: Wanted): LimitedResource[] => {
  const asked = { cpu: cpus, memory: memoryBytes, disk: diskBytes, processes };
  return (Object.keys(asked) as (keyof typeof asked)[]).filter((name) => asked[name] !== undefined);
};

/** There can be room again before the wait is over, which is at `until`. */
const mayPass = ({ metric, limit, resetAt }: Bound, until: number): boolean =>
  metric === 'concurrentSandboxes' ? limit > 0 : resetAt !== null && resetAt <= until;

/** A write that failed may have happened: then it waits, and its key must go on to find it. */
const mayWait = (error: unknown): unknown =>
  error instanceof AppError && error.code === 'UNAVAILABLE'
    ? new AppError(error.code, error.message, {
        ...{ cause: error, details: { ...error.details, ambiguous: true } },
        ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      })
    : error;

/** Places it, then creates it if there is room for it; else queues it if it waits for room. */
const make = async (
  options: CreationOptions,
  principal: Principal,
  input: Wanted,
  claim: (id: string) => Promise<void>,
): Promise<Sandbox> => {
  const { pool, quotas, lifecycle, createQueue, created, maxWaitMs, clock } = options;
  const placement = pool.place({
    provider: input.provider,
    template: input.template,
    allowed: principal.rights.providers,
    network: input.network,
    limits: limitsAsked(input),
  });
  const row = newRow(principal, input, placement, { ...options, now: clock() });
  const wait = async (): Promise<Sandbox> => {
    await claim(row.id);
    return createQueue.enqueue(row).catch((error: unknown) => {
      throw mayWait(error);
    });
  };
  if (input.wait && (await createQueue.hasWaiting(row.tenant))) return wait();
  const bounds = await quotas.bounds({ ...row, subject: row.createdBy }, CREATE_METRICS);
  const result = await lifecycle.create(row, bounds, () => claim(row.id));
  if (!('bound' in result)) {
    created(result);
    // Another server may have taken it over, and be making it still.
    return result.state === 'CREATING' ? settled(options, result) : result;
  }
  if (input.wait && mayPass(result.bound, clock() + maxWaitMs)) return wait();
  throw quotaExceeded(result);
};

/** That no caller has ever had, and none has destroyed: the key is free again. */
const wasNeverMade = ({ readyAt, endedAt, terminationReason }: Sandbox): boolean =>
  readyAt === null &&
  endedAt !== null &&
  terminationReason !== 'USER' &&
  terminationReason !== 'QUEUE_TIMEOUT';

/** What an earlier call with the same key has made, once it is ready or waits. It may be made on another server, or after a restart. */
const findMade = async (
  { store, clock }: CreationOptions,
  tenant: string,
  id: string,
): Promise<Sandbox | null> => {
  const until = clock() + REPLAY_MS;
  for (let delay = 25; ; delay = Math.min(delay * 2, 1_000)) {
    const row = await store.sandboxes.find(tenant, id);
    if (row && wasNeverMade(row)) return null;
    if (row?.state !== 'CREATING' || clock() > until) return row;
    await sleep(delay);
  }
};

/** The row when it is ready, or what a create that failed says. */
const settled = async (options: CreationOptions, { tenant, id }: Sandbox): Promise<Sandbox> => {
  const row = await findMade(options, tenant, id);
  if (row) return row;
  throw new AppError('UNAVAILABLE', 'The provider could not make the sandbox. Try again.');
};

/** From what a caller asks for to a sandbox: what its role allows, who runs it, whether there is room. */
export const createCreation =
  (options: CreationOptions): SandboxService['create'] =>
  async (principal, raw) => {
    const input = check(CreateSandbox, raw);
    const { tenant, subject } = principal;
    const { idempotencyKey: key } = input;
    return options.runOnce(
      { tenant, subject, operation: 'createSandbox', key, parameters: input },
      (claim) => make(options, principal, input, claim),
      (id) => findMade(options, tenant, id),
    );
  };
