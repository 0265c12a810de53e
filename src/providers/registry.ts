import type { Values, Variables } from '../lib/settings.ts';
import { dockerVariables } from './docker/config.ts';
import { localVariables } from './local/config.ts';
import type { Provider, ProviderContext } from './types/provider.ts';

type Module<Table extends Variables> = {
  openProvider(context: ProviderContext, settings: Values<Table>): Promise<Provider>;
};
type Entry = {
  variables: Variables;
  open(context: ProviderContext, settings: unknown): Promise<Provider>;
};
const entry = <Table extends Variables>(
  variables: Table,
  load: () => Promise<Module<Table>>,
): Entry => ({
  variables,
  open: async (context, settings) =>
    (await load()).openProvider(context, settings as Values<Table>),
});

/** One line each; a provider's code and its vendor's client are loaded only when it is enabled. */
const registry = {
  local: entry(localVariables, () => import('./local/local.ts')),
  docker: entry(dockerVariables, () => import('./docker/docker.ts')),
};

export type ProviderName = keyof typeof registry;
export const providerNames = Object.keys(registry) as [ProviderName, ...ProviderName[]];

/** The variables of one provider, or of all. */
export const providerSettings = (name?: ProviderName): Variables =>
  Object.assign(
    {},
    ...(name === undefined ? Object.values(registry) : [registry[name]]).map(
      ({ variables }) => variables,
    ),
  );

/** Opens what the configuration enables, in its order. */
export const openProviders = (
  enabled: readonly { name: ProviderName; settings: unknown }[],
  context: ProviderContext,
): Promise<Provider[]> =>
  Promise.all(enabled.map(({ name, settings }) => registry[name].open(context, settings)));
