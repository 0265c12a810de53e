import { AppError } from '../errors.ts';
import type { LimitedResource } from '../providers/types/capabilities.ts';
import type { CompleteProvider, Health } from '../providers/types/provider.ts';
import type { NetworkPolicy } from '../providers/types/sandbox.ts';

export type Candidate = { provider: CompleteProvider; health: Health };
export type PlacementRequest = {
  provider?: string | undefined;
  /** The caller's role allows these; null: all. */
  allowed: readonly string[] | null;
  network: NetworkPolicy;
  /** Limits that the caller asked for by name: whoever cannot hold them does not fit. */
  limits: readonly LimitedResource[];
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
  ({ provider }, { network }) =>
    provider.capabilities.networkModes.includes(network.mode)
      ? null
      : `it has no network mode "${network.mode}", only ${provider.capabilities.networkModes.join(', ')}`,
  ({ provider }, { limits }) => {
    const loose = limits.filter((resource) => provider.capabilities.limits[resource] === 'none');
    return loose.length === 0 ? null : `it cannot limit ${loose.join(', ')}`;
  },
  ({ health }) => (health.status === 'unavailable' ? (health.reason ?? 'it is unavailable') : null),
];

/** The first provider, in the order of the configuration, that every rule lets through. */
export const place = (
  candidates: readonly Candidate[],
  request: PlacementRequest,
): CompleteProvider => {
  const refusals: string[] = [];
  for (const candidate of candidates) {
    const reason = rules.map((rule) => rule(candidate, request)).find((text) => text !== null);
    if (reason === undefined) return candidate.provider;
    refusals.push(`${candidate.provider.name}: ${reason}`);
  }
  throw new AppError('UNAVAILABLE', `No provider can take this sandbox. ${refusals.join('; ')}`);
};
