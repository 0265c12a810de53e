import type { Values, Variables } from '../lib/settings.ts';
import { dockerVariables } from './docker/config.ts';
import { localVariables } from './local/config.ts';
import type { HostReport } from './types/host-report.ts';
import type { Provider, ProviderContext } from './types/provider.ts';

type Module<Table extends Variables> = {
  openProvider(context: ProviderContext, settings: Values<Table>): Promise<Provider>;
};
type Inspector<Table extends Variables> = (settings: Values<Table>) => Promise<HostReport>;
type Entry = {
  variables: Variables;
  inspect(settings: unknown): Promise<HostReport>;
  open(context: ProviderContext, settings: unknown): Promise<Provider>;
};
const entry = <Table extends Variables>(
  variables: Table,
  load: () => Promise<Module<Table>>,
  loadInspector: () => Promise<Inspector<Table>>,
): Entry => ({
  variables,
  inspect: async (settings) => (await loadInspector())(settings as Values<Table>),
  open: async (context, settings) =>
    (await load()).openProvider(context, settings as Values<Table>),
});

/** One line each; a provider's code and its vendor's client are loaded only when it is enabled. */
const registry = {
  local: entry(
    localVariables,
    () => import('./local/local.ts'),
    async () => (await import('./local/probe.ts')).probeHost,
  ),
  docker: entry(
    dockerVariables,
    () => import('./docker/docker.ts'),
    async () => (await import('./docker/inspect.ts')).inspect,
  ),
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

type Enabled = { name: ProviderName; settings: unknown };

/** What a provider that is not opened needs on this machine, and whether it is there. */
export const inspectProvider = ({ name, settings }: Enabled): Promise<HostReport> =>
  registry[name].inspect(settings);

/** Opens what the configuration enables, in its order. */
export const openProviders = (
  enabled: readonly Enabled[],
  context: ProviderContext,
): Promise<Provider[]> =>
  Promise.all(enabled.map(({ name, settings }) => registry[name].open(context, settings)));
