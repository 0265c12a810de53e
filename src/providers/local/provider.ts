import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../../errors.ts';
import type { Provider, ProviderContext } from '../types/provider.ts';
import type { SandboxSpec } from '../types/sandbox.ts';
import { localCapabilities } from './capabilities.ts';
import { type Folders, openFolders } from './folders.ts';
import { createHandle, type LocalHandle } from './handle.ts';
import type { Host } from './host.ts';
import { removeRemains } from './remains.ts';
import { createRemoval, type Removal } from './removal.ts';
import { NO_ENV, saveState } from './state.ts';
import { adoptSupervisor, type Supervisor, startSupervisor } from './supervisor.ts';
import { createWarmPool, type WarmPool } from './warm.ts';

/** How long the server's end waits for removals, in milliseconds. */
const TRASH_MS = 3_000;
const newRef = (): string => `lcl_${randomBytes(10).toString('hex')}`;

/** The sandboxes of one deployment on this host. */
type Sandboxes = {
  host: Host;
  context: ProviderContext;
  folders: Folders;
  removal: Removal;
  warm: WarmPool;
  /** By ref; of one that is being adopted too. */
  handles: Map<string, Promise<LocalHandle>>;
};

const unknownSandbox = (ref: string): AppError =>
  new AppError('NOT_FOUND', `The local sandbox ${ref} is gone.`);

const stopping = (): AppError => new AppError('UNAVAILABLE', 'The server is stopping. Try again.');

const discard = async (removal: Removal, { link, ref }: Supervisor): Promise<void> => {
  link.close();
  await removal.clear(ref);
};

const handleOf = ({ host, context, handles }: Sandboxes, supervisor: Supervisor): LocalHandle => {
  const handle = createHandle({
    supervisor,
    limitsKind: host.cgroups?.kind ?? '',
    sealer: context.sealer,
    log: context.log,
    async remove() {
      handles.delete(supervisor.ref);
      await removeRemains(supervisor.dir, supervisor.cgroup, host);
    },
    onDetach: () => void handles.delete(supervisor.ref),
  });
  return {
    ...handle,
    detach() {
      // Whoever connects again needs a handle that is attached.
      handles.delete(supervisor.ref);
      handle.detach();
    },
  };
};

/** One that waits, where its limits fit, else a new one. */
const takeSupervisor = async (
  { host, context, warm }: Sandboxes,
  { limits }: SandboxSpec,
  signal: AbortSignal,
): Promise<Supervisor> => {
  const { deployment, defaultLimits } = context;
  // What is an rlimit is set at the start and cannot be raised.
  const fits =
    limits.diskBytes === defaultLimits.diskBytes && limits.processes === defaultLimits.processes;
  const ready = fits ? warm.take() : undefined;
  return ready ?? startSupervisor(newRef(), deployment, limits, host, signal);
};

const create = async (
  sandboxes: Sandboxes,
  spec: SandboxSpec,
  signal: AbortSignal,
): Promise<LocalHandle> => {
  const { id, env, limits, network, expiresAt } = spec;
  const { sealer } = sandboxes.context;
  signal.throwIfAborted();
  const supervisor = await takeSupervisor(sandboxes, spec, signal);
  try {
    signal.throwIfAborted();
    if (!isDeepStrictEqual(supervisor.state.limits, limits)) supervisor.cgroup?.setLimits(limits);
    const sealed = Object.keys(env).length ? sealer.seal(JSON.stringify(env)) : NO_ENV;
    const settings = { env: sealed, network };
    const createdAt = Date.now();
    supervisor.state = { ...supervisor.state, id, limits, settings, createdAt, expiresAt };
    saveState(supervisor.dir, supervisor.state);
    const handle = handleOf(sandboxes, supervisor);
    sandboxes.handles.set(supervisor.ref, Promise.resolve(handle));
    return handle;
  } catch (error) {
    await discard(sandboxes.removal, supervisor);
    throw error;
  }
};

const adopt = async (sandboxes: Sandboxes, ref: string): Promise<LocalHandle> => {
  const supervisor = await adoptSupervisor(ref, sandboxes.host);
  if (!supervisor) {
    await sandboxes.removal.clear(ref);
    throw unknownSandbox(ref);
  }
  // Its hello is not waited for: it is not trusted to say one, and is destroyed without.
  return handleOf(sandboxes, supervisor);
};

export const createLocalProvider = (
  host: Host,
  context: ProviderContext,
  warmSandboxes: number,
): Provider => {
  const { deployment, defaultLimits, log } = context;
  const folders = openFolders(host.base, deployment);
  const removal = createRemoval(host, folders, log);
  const handles: Sandboxes['handles'] = new Map();
  const creating = new Set<Promise<LocalHandle>>();
  const stop = new AbortController();
  let disposed = false;
  // Listed before the first supervisor is started, which is no leftover.
  const swept = removal.sweep(folders.leftovers(), () => disposed);
  const warm = createWarmPool(
    warmSandboxes,
    () => startSupervisor(newRef(), deployment, defaultLimits, host),
    (supervisor) => discard(removal, supervisor),
    log,
  );
  const sandboxes: Sandboxes = { host, context, folders, removal, warm, handles };

  return {
    name: 'local',
    capabilities: localCapabilities(host.cgroups !== null),
    health: async () => ({ status: 'healthy', reason: null }),
    async create(spec, signal) {
      if (disposed) throw stopping();
      const work = create(sandboxes, spec, AbortSignal.any([signal, stop.signal]));
      creating.add(work);
      return work.finally(() => creating.delete(work));
    },
    async connect(ref) {
      if (disposed) throw stopping();
      const known = handles.get(ref);
      if (known !== undefined) return known;
      if (!folders.stateOf(ref)?.id) throw unknownSandbox(ref);
      const adopted = adopt(sandboxes, ref);
      handles.set(ref, adopted);
      adopted.catch(() => handles.delete(ref));
      return adopted;
    },
    list: async () => folders.list(),
    async destroy(ref, signal) {
      const known = await handles.get(ref)?.catch(() => null);
      if (known) return known.destroy(signal);
      if (!folders.stateOf(ref)) throw unknownSandbox(ref);
      await removal.remove(ref);
    },
    async dispose() {
      disposed = true;
      // What is half-made is removed before the server ends: later nobody would.
      stop.abort();
      await Promise.all([warm.dispose(), swept, Promise.allSettled(creating)]);
      for (const handle of handles.values()) (await handle.catch(() => null))?.detach();
      await host.trash.dispose(TRASH_MS);
    },
  };
};
