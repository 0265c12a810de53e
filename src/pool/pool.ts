import { AppError } from '../errors.ts';
import { withTimeLimit } from '../lib/time-limit.ts';
import type {
  Health,
  Provider,
  ProviderSandbox,
  SandboxHandle,
  SandboxSpec,
} from '../providers/provider.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { watchHealth } from './health.ts';
import { type Placement, type PlacementRequest, place } from './placement.ts';

export type PoolLimits = {
  /** For one provider to make a sandbox, in milliseconds; after that the next one is asked. */
  createMs: number;
  /** For everything else that a provider is asked. */
  callMs: number;
};

const LIMITS: PoolLimits = { createMs: 120_000, callMs: 15_000 };

export type Pool = {
  providers(): readonly Provider[];
  has(name: string): boolean;
  /** `INVALID_ARGUMENT` naming the ones there are. */
  get(name: string): Provider;
  /** Whether its sandboxes live on the machine of the server that made them. */
  isBound(name: string): boolean;
  /** The last known, or the first answer: at most five seconds. Never rejects. */
  health(provider: Provider): Promise<Health>;
  /** Every provider with the reason against it, by what is known of it now. `UNAVAILABLE` when none fits. */
  place(request: PlacementRequest): Placement;
  /** Whether it is known to be unable to take one now. */
  isAway(name: string): boolean;
  /** What comes after the time limit is destroyed. */
  create(provider: Provider, spec: SandboxSpec): Promise<SandboxHandle>;
  /** Connected once, then kept. `NOT_FOUND` when the sandbox is gone at its provider. */
  handle(sandbox: Pick<Sandbox, 'id' | 'ref' | 'provider'>): Promise<SandboxHandle>;
  /** Those it is connected to. */
  connected(): string[];
  /** Another server looks after it from now on. */
  forget(id: string): void;
  list(provider: Provider): Promise<ProviderSandbox[]>;
  /** Ends one at its provider, whether or not a row tells of it. */
  destroyRef(provider: Provider, ref: string): Promise<void>;
  dispose(): Promise<void>;
};

export const createPool = (
  providers: readonly Provider[],
  { createMs, callMs }: PoolLimits = LIMITS,
): Pool => {
  const handles = new Map<string, Promise<SandboxHandle>>();
  const health = watchHealth(providers);
  const keep = (id: string, handle: SandboxHandle): SandboxHandle => {
    void handle.ended.then(() => handles.delete(id));
    return handle;
  };
  const limited = <Value>(work: Promise<Value>, ms: number, what: string): Promise<Value> =>
    withTimeLimit(
      work,
      ms,
      () => new AppError('UNAVAILABLE', `${what} did not answer within ${ms / 1_000} s.`),
    );
  const pool: Pool = {
    providers: () => providers,
    has: (name) => providers.some((provider) => provider.name === name),
    get(name) {
      const found = providers.find((provider) => provider.name === name);
      if (found) return found;
      throw new AppError(
        'INVALID_ARGUMENT',
        `There is no provider "${name.slice(0, 50)}". There is: ${providers.map((one) => one.name).join(', ')}.`,
      );
    },
    isBound: (name) =>
      providers.find((provider) => provider.name === name)?.capabilities.bound === 'host',
    health: health.ask,
    place(request) {
      if (request.provider !== undefined) pool.get(request.provider);
      return place(
        providers.map((provider) => ({ provider, health: health.last(provider) })),
        request,
      );
    },
    isAway: (name) => health.last(pool.get(name))?.status === 'unavailable',
    async create(provider, spec) {
      const work = (async () => provider.create(spec))();
      let late = false;
      work.then(
        (handle) => late && void handle.destroy().catch(() => undefined),
        () => undefined,
      );
      try {
        const made = keep(spec.id, await limited(work, createMs, `The provider ${provider.name}`));
        handles.set(spec.id, Promise.resolve(made));
        return made;
      } catch (error) {
        late = true;
        throw error;
      }
    },
    handle({ id, ref, provider }) {
      const known = handles.get(id);
      if (known) return known;
      if (ref === null)
        return Promise.reject(
          new AppError('NOT_FOUND', `The sandbox ${id} was never made at its provider.`),
        );
      const connected = (async () => keep(id, await pool.get(provider).connect(ref)))();
      handles.set(id, connected);
      connected.catch(() => handles.delete(id));
      return connected;
    },
    connected: () => [...handles.keys()],
    forget: (id) => void handles.delete(id),
    list: (provider) =>
      limited((async () => provider.list())(), callMs, `The provider ${provider.name}`),
    async destroyRef(provider, ref) {
      const work = async (): Promise<void> => {
        const handle = await provider.connect(ref);
        await handle.destroy();
      };
      await limited(work(), callMs, `The sandbox ${ref}`).catch((error: unknown) => {
        if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error;
      });
    },
    async dispose() {
      health.dispose();
      await Promise.all(providers.map((provider) => provider.dispose()));
    },
  };
  return pool;
};
