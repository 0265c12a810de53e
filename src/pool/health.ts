import type { CompleteProvider, Health } from '../providers/types/provider.ts';

const EVERY_MS = 5_000;

export type HealthWatch = {
  /** The last known, at once; null before the first answer. */
  last(provider: CompleteProvider): Health | null;
  /** The last known, or the first answer. Never rejects: a provider that hangs or throws is unavailable. */
  ask(provider: CompleteProvider): Promise<Health>;
  dispose(): void;
};

/** Asks every provider again and again in the background; who places a sandbox reads what was last heard, and waits for nobody. */
export const watchHealth = (providers: readonly CompleteProvider[]): HealthWatch => {
  const known = new Map<string, Health>();
  const asking = new Map<string, Promise<Health>>();
  const ask = (provider: CompleteProvider): Promise<Health> => {
    const running = asking.get(provider.name);
    if (running !== undefined) return running;
    const answer = provider.health().then((health) => {
      known.set(provider.name, health);
      asking.delete(provider.name);
      return health;
    });
    asking.set(provider.name, answer);
    return answer;
  };
  const askAll = (): void => {
    for (const provider of providers) void ask(provider);
  };
  askAll();
  const timer = setInterval(askAll, EVERY_MS).unref();
  return {
    last: ({ name }) => known.get(name) ?? null,
    ask: async (provider) => known.get(provider.name) ?? ask(provider),
    dispose: () => clearInterval(timer),
  };
};
