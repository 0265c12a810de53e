import { AppError } from '../errors.ts';
import type { LimitedResource } from '../providers/types/capabilities.ts';
import type { CompleteProvider, Health } from '../providers/types/provider.ts';
import type { NetworkPolicy } from '../providers/types/sandbox.ts';

/** `health`: null when it is not known yet. */
export type Candidate = { provider: CompleteProvider; health: Health | null };
export type PlacementRequest = {
  provider?: string | undefined;
  /** The caller's role allows these; null: all. */
  allowed: readonly string[] | null;
  template: string;
  network: NetworkPolicy;
  /** Limits that the caller asked for by name: whoever cannot hold them does not fit. */
  limits: readonly LimitedResource[];
};

/** Why a sandbox is where it is, as it is stored with it. */
export type Placement = {
  /** In the order in which they are tried; `reason` says why one is not tried, null when it may be. */
  candidates: readonly { provider: string; reason: string | null }[];
  /** What each one that was asked has answered; `error` is null for the one that made it. */
  attempts: readonly { provider: string; at: number; error: string | null }[];
};

/** A rule says why a candidate does not fit, null when it does. Asked in order; the first reason counts. */
type Rule = (candidate: Candidate, request: PlacementRequest) => string | null;

const rules: readonly Rule[] = [
  ({ provider }, request) =>
    request.provider === undefined || request.provider === provider.name
      ? null
      : 'another provider was asked for',
  ({ provider }, { allowed }) =>
    allowed === null || allowed.includes(provider.name) ? null : 'the role does not allow it',
  ({ provider: { templates } }, { template }) =>
    templates.includes(template)
      ? null
      : `it has no template "${template}", only ${templates.join(', ')}`,
  ({ provider }, { network }) =>
    provider.capabilities.networkModes.includes(network.mode)
      ? null
      : `it has no network mode "${network.mode}", only ${provider.capabilities.networkModes.join(', ')}`,
  ({ provider }, { limits }) => {
    const loose = limits.filter((resource) => provider.capabilities.limits[resource] === 'none');
    return loose.length === 0 ? null : `it cannot limit ${loose.join(', ')}`;
  },
  ({ health }) =>
    health?.status === 'unavailable' ? (health.reason ?? 'it is unavailable') : null,
];

/** Healthy ones first, then in the order of the configuration. */
const rank = ({ health }: Candidate): number => (health?.status === 'healthy' ? 0 : 1);

/** Every provider with the reason against it. `UNAVAILABLE` when there is one against each. */
export const place = (candidates: readonly Candidate[], request: PlacementRequest): Placement => {
  const judged = candidates
    .toSorted((one, other) => rank(one) - rank(other))
    .map((candidate) => ({
      provider: candidate.provider.name,
      reason: rules.map((rule) => rule(candidate, request)).find((text) => text !== null) ?? null,
    }));
  if (judged.some(({ reason }) => reason === null)) return { candidates: judged, attempts: [] };
  const refusals = judged.map(({ provider, reason }) => `${provider}: ${reason}`);
  throw new AppError('UNAVAILABLE', `No provider can take this sandbox. ${refusals.join('; ')}`);
};

/** The providers to try, in order. */
export const fitting = ({ candidates }: Placement): string[] =>
  candidates.filter(({ reason }) => reason === null).map(({ provider }) => provider);

/** Wrong for every provider, so that no other one is asked. Everything else is the trouble of this one. */
const FINAL = [
  'INVALID_ARGUMENT',
  'UNSUPPORTED',
  'TERMINATED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'CONFLICT',
  'PRECONDITION_FAILED',
  'TOO_LARGE',
];

/** Whether another provider may do what this one failed to do: it was away, full, too slow, or broke. */
export const mayTryNext = (error: unknown): boolean =>
  !(error instanceof AppError) || !FINAL.includes(error.code);
