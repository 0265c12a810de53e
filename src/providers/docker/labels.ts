import type { ResourceLimits, SandboxSpec } from '../types/sandbox.ts';

export const DEPLOYMENT = 'sandbank.deployment';
const SANDBOX = 'sandbank.sandbox';
const EXPIRES_AT = 'sandbank.expires-at';
const LIMITS = 'sandbank.limits';
const NETWORK = 'sandbank.network';
/** The caller's labels get a prefix, so that none of them can stand for one of ours. */
const CALLER = 'sandbank.label.';

export const toLabels = (spec: SandboxSpec, deployment: string): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(spec.labels).map(([key, value]) => [CALLER + key, value])),
  [DEPLOYMENT]: deployment,
  [SANDBOX]: spec.id,
  [EXPIRES_AT]: new Date(spec.expiresAt).toISOString(),
  [LIMITS]: JSON.stringify(spec.limits),
  [NETWORK]: spec.network.mode,
});

export type Facts = {
  id: string;
  deployment: string;
  expiresAt: number | null;
  limits: ResourceLimits;
  hasNetwork: boolean;
};

const instant = (text: string | undefined): number | null => {
  const value = Date.parse(text ?? '');
  return Number.isNaN(value) ? null : value;
};
const NO_LIMITS: ResourceLimits = { cpus: 0, memoryBytes: 0, diskBytes: 0, processes: 0 };
const readLimits = (text: string | undefined): ResourceLimits => {
  try {
    return { ...NO_LIMITS, ...(JSON.parse(text ?? '{}') as Partial<ResourceLimits>) };
  } catch {
    return NO_LIMITS;
  }
};

/** The name of a container tells when it expires once that was moved: labels cannot be changed. */
export const nameOf = (id: string, expiresAt?: number): string =>
  expiresAt === undefined ? `sandbank-${id}` : `sandbank-${id}-until-${expiresAt}`;

export const readLabels = (
  labels: Readonly<Record<string, string>> | null | undefined,
  name: string | undefined,
): Facts | null => {
  const id = labels?.[SANDBOX];
  const deployment = labels?.[DEPLOYMENT];
  if (!labels || id === undefined || deployment === undefined) return null;
  const [, moved] = /-until-(\d{1,15})$/.exec(name ?? '') ?? [];
  return {
    id,
    deployment,
    expiresAt: moved ? Number(moved) : instant(labels[EXPIRES_AT]),
    limits: readLimits(labels[LIMITS]),
    hasNetwork: labels[NETWORK] === 'full',
  };
};
