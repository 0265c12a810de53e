import type { Principal } from '../authentication/principal.ts';
import { applyCeiling } from '../authorization/ceilings.ts';
import { AppError } from '../errors.ts';
import { newId } from '../lib/ids.ts';
import type { Assign } from '../pool/ownership.ts';
import { fitting, type Placement } from '../pool/placement.ts';
import type { ResourceLimits } from '../providers/types/sandbox.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { CreateSandbox } from './types.ts';

/** Lives in milliseconds, and the limits of a sandbox that asks for none. */
export type SandboxDefaults = { timeoutMs: number; maxTimeoutMs: number; limits: ResourceLimits };

/** What a caller asks for, checked. */
export type Wanted = ReturnType<typeof CreateSandbox.parse>;

/** How long a sandbox lives that asks for so many seconds, in milliseconds. `LIMIT_EXCEEDED` for more than the server allows. */
export const lifetimeMs = (
  { timeoutMs, maxTimeoutMs }: SandboxDefaults,
  seconds: number | undefined,
): number => {
  const ms = seconds === undefined ? timeoutMs : seconds * 1_000;
  if (ms > maxTimeoutMs)
    throw new AppError(
      'LIMIT_EXCEEDED',
      `A sandbox lives at most ${maxTimeoutMs / 1_000} seconds here, not ${ms / 1_000}.`,
      { details: { limit: 'lifetimeSeconds', maximum: maxTimeoutMs / 1_000 } },
    );
  return ms;
};

/** What a caller asks for, within what its role allows, at the first provider that fits. */
export const newRow = (
  { subject, tenant, plan, rights }: Principal,
  input: Wanted,
  placement: Placement,
  { defaults, assign, now }: { defaults: SandboxDefaults; assign: Assign; now: number },
): Sandbox => {
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
    expiresAt: now + lifetimeMs(defaults, life),
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
