import { AppError } from '../errors.ts';
import type { SandboxHandle } from '../providers/types/handle.ts';
import type { CompleteProvider, CreateOptions, Health } from '../providers/types/provider.ts';
import type { ResourceLimits, SandboxSpec } from '../providers/types/sandbox.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { watchHealth } from './health.ts';
import { type Placement, type PlacementRequest, place } from './placement.ts';

export type Pool = {
  providers(): readonly CompleteProvider[];
  has(name: string): boolean;
  /** One that a caller has asked for; `INVALID_ARGUMENT` naming the ones there are. */
  get(name: string): CompleteProvider;
  /** That of a sandbox that exists; `UNAVAILABLE` where this server does not have it. */
  providerOf(sandbox: Pick<Sandbox, 'id' | 'provider'>): CompleteProvider;
  /** Whether its sandboxes live on the machine of the server that made them. */
  isBound(name: string): boolean;
  /** The last known, or the first answer. Never rejects. */
  health(provider: CompleteProvider): Promise<Health>;
  /** Every provider with the reason against it, by what is known of it now. `INVALID_ARGUMENT` for a template that there is not, `UNAVAILABLE` when none fits. */
  place(request: PlacementRequest): Placement;
  /** Whether it is known to be unable to take one now. */
  isAway(name: string): boolean;
  create(
    provider: CompleteProvider,
    spec: SandboxSpec,
    options?: CreateOptions,
  ): Promise<SandboxHandle>;
  /** Returns when nothing is left of it at its provider, which need not answer a connection for that. */
  destroy(sandbox: Pick<Sandbox, 'id' | 'ref' | 'provider'>): Promise<void>;
  /** Connected once, then kept. `NOT_FOUND` when the sandbox is gone at its provider. */
  handle(sandbox: Sandbox): Promise<SandboxHandle>;
  /** Those it is connected to. */
  connected(): string[];
  /** Another server looks after it from now on: nothing of it is held here any more. */
  forget(id: string): void;
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
  const health = watchHealth(providers);
  /** Kept until it fails or its sandbox ends. By then the id may have another handle, which stays. */
  const keep = (id: string, asked: Promise<SandboxHandle>): void => {
    const drop = (): void => {
      if (handles.get(id) === asked) handles.delete(id);
    };
    handles.set(id, asked);
    asked.then((handle) => handle.ended).then(drop, drop);
  };
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
    providerOf({ id, provider }) {
      if (pool.has(provider)) return pool.get(provider);
      throw new AppError(
        'UNAVAILABLE',
        `The sandbox ${id} is at the provider "${provider}", which is not configured on this server. Add it to SANDBANK_PROVIDERS and restart the server.`,
        { details: { provider } },
      );
    },
    isBound: (name) => pool.has(name) && pool.get(name).capabilities.bound === 'host',
    health: health.ask,
    place(request) {
      const { provider: wanted, template } = request;
      const choice = wanted === undefined ? providers : [pool.get(wanted)];
      const templates = new Set(choice.flatMap((one) => one.templates));
      if (!templates.has(template))
        throw new AppError(
          'INVALID_ARGUMENT',
          `There is no template "${template}". There is: ${[...templates].sort().join(', ')}.`,
        );
      return place(
        providers.map((provider) => ({ provider, health: health.last(provider) })),
        request,
      );
    },
    isAway: (name) => health.last(pool.get(name))?.status === 'unavailable',
    async create(provider, spec, options) {
      const handle = await provider.create(spec, options);
      keep(spec.id, Promise.resolve(handle));
      return handle;
    },
    async destroy({ id, ref, provider }) {
      const known = await handles.get(id)?.catch(() => null);
      if (known) return known.destroy();
      if (ref === null) return;
      await pool
        .providerOf({ id, provider })
        .destroy(ref)
        .catch((error: unknown) => {
          if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error;
        });
    },
    handle(sandbox) {
      const { id, ref, provider, template } = sandbox;
      const known = handles.get(id);
      if (known) return known;
      if (ref === null)
        return Promise.reject(
          new AppError('NOT_FOUND', `The sandbox ${id} was never made at its provider.`),
        );
      const facts = { template, limits: limitsOf(sandbox) };
      const connected = (async () => pool.providerOf({ id, provider }).connect(ref, facts))();
      keep(id, connected);
      return connected;
    },
    connected: () => [...handles.keys()],
    forget(id) {
      const known = handles.get(id);
      handles.delete(id);
      known?.then(
        (handle) => handle.detach(),
        () => undefined,
      );
    },
    async dispose() {
      health.dispose();
      await Promise.all(providers.map((provider) => provider.dispose()));
    },
  };
  return pool;
};
