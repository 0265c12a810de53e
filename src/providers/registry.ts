import type { Logger } from 'pino';
import type { Sealer } from '../lib/sealed.ts';
import type { Provider, ResourceLimits } from './provider.ts';

export type ProviderOptions = {
  stateDir: string;
  warmSandboxes: number;
  defaultLimits: ResourceLimits;
  leaseMs: number;
  sealer: Sealer;
  log: Logger;
};

/** One line each; a provider's code and its vendor's SDK are loaded only when it is enabled. */
const providers = {
  local: async ({
    stateDir,
    warmSandboxes: warm,
    defaultLimits: warmLimits,
    leaseMs,
    sealer,
    log,
  }: ProviderOptions): Promise<Provider> =>
    (await import('./local/local.ts')).createLocalProvider({
      stateDir,
      warm,
      warmLimits,
      leaseMs,
      sealer,
      log,
    }),
} satisfies Record<string, (options: ProviderOptions) => Promise<Provider>>;

export const openProviders = (options: ProviderOptions): Promise<Provider[]> =>
  Promise.all(Object.values(providers).map((open) => open(options)));
