import { AppError } from '../errors.ts';
import type { Health, NetworkPolicy, Provider } from '../providers/provider.ts';

export type Candidate = { provider: Provider; health: Health };
export type PlacementRequest = {
  provider?: string | undefined;
  /** The caller's role allows these; null: all. */
  allowed: readonly string[] | null;
  network: NetworkPolicy;
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
    provider.capabilities.networkPolicies.includes(network.mode)
      ? null
      : `it has no network policy "${network.mode}"`,
  ({ health }) => (health.status === 'unavailable' ? (health.reason ?? 'it is unavailable') : null),
];

/** The first provider, in the order of the configuration, that every rule lets through. */
export const place = (candidates: readonly Candidate[], request: PlacementRequest): Provider => {
  const refusals: string[] = [];
  for (const candidate of candidates) {
    const reason = rules.map((rule) => rule(candidate, request)).find((text) => text !== null);
    if (reason === undefined) return candidate.provider;
    refusals.push(`${candidate.provider.name}: ${reason}`);
  }
  throw new AppError('UNAVAILABLE', `No provider can take this sandbox. ${refusals.join('; ')}`);
};
