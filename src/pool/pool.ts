import { AppError } from '../errors.ts';
import type { SandboxHandle } from '../providers/types/handle.ts';
import type { CompleteProvider, Health } from '../providers/types/provider.ts';
import type { ResourceLimits, SandboxSpec } from '../providers/types/sandbox.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { type PlacementRequest, place } from './placement.ts';

const HEALTH_MS = 5_000;

export type Pool = {
  providers(): readonly CompleteProvider[];
  /** `INVALID_ARGUMENT` naming the ones there are. */
  get(name: string): CompleteProvider;
  /** Asked at most every 5 s. */
  health(provider: CompleteProvider): Promise<Health>;
  choose(request: PlacementRequest): Promise<CompleteProvider>;
  create(provider: CompleteProvider, spec: SandboxSpec): Promise<SandboxHandle>;
  /** Returns when nothing is left of it at its provider, which need not answer a connection for that. */
  destroy(sandbox: Sandbox): Promise<void>;
  /** Connected once, then kept. `NOT_FOUND` when the sandbox is gone at its provider. */
  handle(sandbox: Sandbox): Promise<SandboxHandle>;
  dispose(): Promise<void>;
};

export const limitsOf = (row: Sandbox): ResourceLimits => ({
  cpus: row.cpus,
  memoryBytes: row.memoryBytes,
  diskBytes: row.diskBytes,
  processes: row.maxProcesses,
});

export const createPool = (providers: readonly CompleteProvider[]): Pool => {
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
        keep(
          sandbox.id,
          await pool.get(sandbox.provider).connect(ref, {
            template: sandbox.template,
            limits: limitsOf(sandbox),
          }),
        ))();
      handles.set(sandbox.id, connected);
      connected.catch(() => handles.delete(sandbox.id));
      return connected;
    },
    async destroy(sandbox) {
      const known = await handles.get(sandbox.id)?.catch(() => null);
      if (known) return known.destroy();
      if (sandbox.ref === null) return;
      await pool
        .get(sandbox.provider)
        .destroy(sandbox.ref)
        .catch((error: unknown) => {
          if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error;
        });
    },
    async dispose() {
      await Promise.all(providers.map((provider) => provider.dispose()));
    },
  };
  return pool;
};
