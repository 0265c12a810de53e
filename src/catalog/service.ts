import type { Principal } from '../authentication/principal.ts';
import type { Pool } from '../pool/pool.ts';
import type { CompleteProvider, Health } from '../providers/types/provider.ts';

export type ProviderStatus = { provider: CompleteProvider; health: Health };

/** What callers get; who may call what is in rules.ts. */
export type CatalogService = {
  /** The providers that the role of the caller allows. */
  providers(principal: Principal): Promise<ProviderStatus[]>;
};

export const createCatalogService = (pool: Pool): CatalogService => ({
  providers: ({ rights }) =>
    Promise.all(
      pool
        .providers()
        .filter(({ name }) => rights.providers?.includes(name) ?? true)
        .map(async (provider) => ({ provider, health: await pool.health(provider) })),
    ),
});
