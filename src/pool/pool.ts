import { AppError } from '../errors.ts';
import type { Health, Provider, SandboxHandle, SandboxSpec } from '../providers/provider.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { type PlacementRequest, place } from './placement.ts';

const HEALTH_MS = 5_000;

export type Pool = {
  providers(): readonly Provider[];
  /** `INVALID_ARGUMENT` naming the ones there are. */
  get(name: string): Provider;
  /** Asked at most every 5 s. */
  health(provider: Provider): Promise<Health>;
  choose(request: PlacementRequest): Promise<Provider>;
  create(provider: Provider, spec: SandboxSpec): Promise<SandboxHandle>;
  /** Connected once, then kept. `NOT_FOUND` when the sandbox is gone at its provider. */
  handle(sandbox: Sandbox): Promise<SandboxHandle>;
  dispose(): Promise<void>;
};

export const createPool = (providers: readonly Provider[]): Pool => {
  const handles = new Map<string, Promise<SandboxHandle>>();
  const healths = new Map<string, { at: number; health: Promise<Health> }>();
  const keep = (id: string, handle: SandboxHandle): SandboxHandle => {
    void handle.ended.then(() => handles.delete(id));
    return handle;
  };
  const pool: Pool = {
    providers: () => providers,
    get(name) {
      const found = providers.find((provider) => provider.name === name);
      if (found) return found;
      throw new AppError(
        'INVALID_ARGUMENT',
        `There is no provider "${name.slice(0, 50)}". There is: ${providers.map((one) => one.name).join(', ')}.`,
      );
    },
    health(provider) {
      const known = healths.get(provider.name);
      if (known && known.at > Date.now() - HEALTH_MS) return known.health;
      const health = provider.health();
      healths.set(provider.name, { at: Date.now(), health });
      return health;
    },
    async choose(request) {
      if (request.provider !== undefined) pool.get(request.provider);
      const candidates = await Promise.all(
        providers.map(async (provider) => ({ provider, health: await pool.health(provider) })),
      );
      return place(candidates, request);
    },
    async create(provider, spec) {
      const handle = keep(spec.id, await provider.create(spec));
      handles.set(spec.id, Promise.resolve(handle));
      return handle;
    },
    handle(sandbox) {
      const known = handles.get(sandbox.id);
      if (known) return known;
      const { ref } = sandbox;
      if (ref === null)
        return Promise.reject(
          new AppError('NOT_FOUND', `The sandbox ${sandbox.id} was never made at its provider.`),
        );
      const connected = (async () =>
        keep(sandbox.id, await pool.get(sandbox.provider).connect(ref)))();
      handles.set(sandbox.id, connected);
      connected.catch(() => handles.delete(sandbox.id));
      return connected;
    },
    async dispose() {
      await Promise.all(providers.map((provider) => provider.dispose()));
    },
  };
  return pool;
};
