import type { Health, Provider } from '../providers/provider.ts';

const EVERY_MS = 5_000;
const LIMIT_MS = 5_000;

export type HealthWatch = {
  /** The last known, at once; null before the first answer. */
  last(provider: Provider): Health | null;
  /** The last known, or the first answer: at most five seconds. Never rejects. */
  ask(provider: Provider): Promise<Health>;
  dispose(): void;
};

const unavailable = (reason: string): Health => ({ status: 'unavailable', reason });

/** A provider that hangs or throws is unavailable, and keeps nobody waiting. */
const check = async (provider: Provider): Promise<Health> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Health>((resolve) => {
    const reason = `The provider did not say within ${LIMIT_MS / 1_000} s how it is.`;
    timer = setTimeout(() => resolve(unavailable(reason)), LIMIT_MS).unref();
  });
  const asked = async (): Promise<Health> => provider.health();
  const failed = (error: unknown): Health =>
    unavailable(`Its health could not be determined: ${(error as Error)?.message ?? error}`);
  return Promise.race([asked().catch(failed), late]).finally(() => clearTimeout(timer));
};

/** Asks every provider again and again in the background; who places a sandbox reads what was last heard. */
export const watchHealth = (providers: readonly Provider[]): HealthWatch => {
  const known = new Map<string, Health>();
  const asking = new Map<string, Promise<Health>>();
  const ask = (provider: Provider): Promise<Health> => {
    const running = asking.get(provider.name);
    if (running !== undefined) return running;
    const answer = check(provider).then((health) => {
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
