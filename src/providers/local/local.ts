import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../../errors.ts';
import { eachBounded } from '../../lib/bounded.ts';
import type { Provider, ProviderContext } from '../types/provider.ts';
import type { SandboxSpec } from '../types/sandbox.ts';
import { unusedAssets, writeAssets } from './assets.ts';
import { chooseBase } from './base.ts';
import { localCapabilities } from './capabilities.ts';
import { openCgroups } from './cgroup.ts';
import type { LocalSettings } from './config.ts';
import { openFolders } from './folders.ts';
import { createHandle, type LocalHandle, unknownSandbox } from './handle.ts';
import { probeHost } from './probe.ts';
import { isCopied, NO_ENV, saveState } from './state.ts';
import {
  adoptSupervisor,
  type Grounds,
  removeRemains,
  type Supervisor,
  startSupervisor,
} from './supervisor.ts';
import { openTrash } from './trash.ts';
import { openUids } from './uids.ts';
import { createWarmPool } from './warm.ts';

/** Leftovers of an earlier server that are removed at once, and how long the server's end waits for removals, in milliseconds. */
const SWEEP_WIDTH = 8;
const TRASH_MS = 3_000;
const newRef = (): string => `lcl_${randomBytes(10).toString('hex')}`;

const unavailableProvider = (problems: string): Provider => {
  const refuse = async (): Promise<never> => {
    throw new AppError('UNAVAILABLE', `Local sandboxes do not work on this host. ${problems}`, {
      retryable: false,
    });
  };
  return {
    name: 'local',
    capabilities: localCapabilities(false),
    health: async () => ({ status: 'unavailable', reason: problems }),
    create: refuse,
    connect: refuse,
    list: async () => [],
    destroy: refuse,
    dispose: async () => undefined,
  };
};

/** Isolated sandboxes on this host, or a provider that says why there can be none. */
export const openProvider = async (
  context: ProviderContext,
  settings: LocalSettings,
): Promise<Provider> => {
  const report = await probeHost();
  if (!report.ok)
    return unavailableProvider(
      report.checks
        .filter(({ status }) => status === 'failed')
        .map(({ name, detail, remedy }) => `${name}: ${detail}. ${remedy ?? ''}`.trim())
        .join(' '),
    );
  const base = chooseBase(context.stateDir);
  const grounds: Grounds = {
    base,
    uids: openUids(),
    cgroups: openCgroups(),
    trash: openTrash(join(base, 'trash'), context.log),
    assets: writeAssets(join(base, 'assets')),
  };
  return createLocalProvider(grounds, context, settings.SANDBANK_WARM_SANDBOXES);
};

const createLocalProvider = (
  grounds: Grounds,
  { deployment, sealer, defaultLimits, log }: ProviderContext,
  warm: number,
): Provider => {
  const { base, cgroups, trash } = grounds;
  const folders = openFolders(base, deployment);
  const handles = new Map<string, Promise<LocalHandle>>();
  let disposed = false;

  const remove = (ref: string): Promise<void> => {
    const dir = folders.dirOf(ref);
    // The group of a copied sandbox is that of its original.
    return removeRemains(dir, isCopied(dir) ? null : (cgroups?.open(ref) ?? null), grounds);
  };
  /** What nobody waits for: a failure costs disk until the next start, nothing else. */
  const clear = (ref: string): Promise<void> =>
    remove(ref).catch((error: unknown) =>
      log.error(
        { err: error, ref },
        'what is left of a sandbox stays on disk until the next start',
      ),
    );
  const wrap = (supervisor: Supervisor): LocalHandle =>
    createHandle({
      supervisor,
      limitsKind: cgroups?.kind ?? '',
      sealer,
      log,
      async remove() {
        handles.delete(supervisor.ref);
        await removeRemains(supervisor.dir, supervisor.cgroup, grounds);
      },
    });

  const sweep = async (leftovers: readonly string[]): Promise<void> => {
    await eachBounded(leftovers, SWEEP_WIDTH, async (ref) => (disposed ? undefined : clear(ref)));
    try {
      const used = new Set([...grounds.assets.folders, ...folders.usedAssets()]);
      for (const folder of unusedAssets(join(base, 'assets'), used)) trash.discard(folder);
    } catch (error) {
      log.warn({ err: error }, 'files of an earlier version stay on disk until the next start');
    }
  };
  const swept = sweep(folders.leftovers());
  const waiting = createWarmPool(
    warm,
    () => startSupervisor(newRef(), { id: null, deployment }, defaultLimits, grounds),
    async (one) => {
      one.link.close();
      await clear(one.ref);
    },
    log,
  );

  const supervisorFor = async ({ id, limits }: SandboxSpec): Promise<Supervisor> => {
    // What is an rlimit is set at the start and cannot be raised.
    const fits =
      limits.diskBytes === defaultLimits.diskBytes && limits.processes === defaultLimits.processes;
    const ready = fits ? waiting.take() : undefined;
    return ready ?? startSupervisor(newRef(), { id, deployment }, limits, grounds);
  };
  const discard = async (supervisor: Supervisor): Promise<void> => {
    supervisor.link.close();
    await clear(supervisor.ref);
  };
  const adopt = async (ref: string): Promise<LocalHandle> => {
    const supervisor = await adoptSupervisor(ref, grounds);
    if (!supervisor) {
      await clear(ref);
      throw unknownSandbox(ref);
    }
    // Its hello is not waited for: it is not trusted to say one, and is destroyed without.
    return wrap(supervisor);
  };

  return {
    name: 'local',
    capabilities: localCapabilities(cgroups !== null),
    health: async () => ({ status: 'healthy', reason: null }),
    async create(spec, signal) {
      const { id, env, limits, network, expiresAt } = spec;
      signal.throwIfAborted();
      const supervisor = await supervisorFor(spec);
      try {
        signal.throwIfAborted();
        if (!isDeepStrictEqual(supervisor.state.limits, limits))
          supervisor.cgroup?.setLimits(limits);
        const sealed = Object.keys(env).length ? sealer.seal(JSON.stringify(env)) : NO_ENV;
        const settings = { env: sealed, network };
        const born = { createdAt: Date.now(), expiresAt };
        supervisor.state = { ...supervisor.state, id, limits, settings, ...born };
        saveState(supervisor.dir, supervisor.state);
        const handle = wrap(supervisor);
        handles.set(supervisor.ref, Promise.resolve(handle));
        return handle;
      } catch (error) {
        await discard(supervisor);
        throw error;
      }
    },
    async connect(ref) {
      if (disposed) throw new AppError('UNAVAILABLE', 'The server is stopping. Try again.');
      const known = handles.get(ref);
      if (known !== undefined) return known;
      if (!folders.stateOf(ref)?.id) throw unknownSandbox(ref);
      const adopted = adopt(ref);
      handles.set(ref, adopted);
      adopted.catch(() => handles.delete(ref));
      return adopted;
    },
    list: async () => folders.list(),
    async destroy(ref, signal) {
      const known = await handles.get(ref)?.catch(() => null);
      if (known) return known.destroy(signal);
      if (!folders.stateOf(ref)) throw unknownSandbox(ref);
      await remove(ref);
    },
    async dispose() {
      disposed = true;
      await Promise.all([waiting.dispose(), swept]);
      for (const handle of handles.values()) (await handle.catch(() => null))?.detach();
      await trash.dispose(TRASH_MS);
    },
  };
};
