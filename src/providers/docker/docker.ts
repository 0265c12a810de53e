import type { ContainerInfo } from 'dockerode';
import { AppError } from '../../errors.ts';
import type { Capabilities } from '../types/capabilities.ts';
import type { VendorHandle } from '../types/handle.ts';
import type { Provider, ProviderContext } from '../types/provider.ts';
import type { Listed } from '../types/sandbox.ts';
import { type DockerVariables, toSettings } from './config.ts';
import { removeContainer, startContainer } from './container.ts';
import { createControl } from './control.ts';
import { openEngine } from './engine.ts';
import { createHandle } from './handle.ts';
import { checkHealth } from './health.ts';
import { DEPLOYMENT, type Facts, readLabels } from './labels.ts';
import { createWatch } from './watch.ts';

const capabilities: Capabilities = {
  reattach: 'none',
  output: 'bytes',
  files: 'bytes',
  pty: 'native',
  stdin: 'native',
  signals: 'group',
  watch: 'none',
  ports: 'tunnel',
  extend: 'native',
  networkModes: ['none', 'full'],
  pause: 'none',
  snapshot: 'none',
  secrets: 'env',
  warm: 'none',
  bound: 'host',
  limits: {
    cpu: 'enforced',
    memory: 'enforced',
    disk: 'none',
    inodes: 'none',
    processes: 'enforced',
    time: 'enforced',
  },
};

const STATES: Readonly<Record<string, Listed['state']>> = {
  ...{ created: 'running', running: 'running', restarting: 'running' },
  ...{ paused: 'paused', exited: 'ended', dead: 'ended', removing: 'ended', stopped: 'ended' },
};
const REF = /^[0-9a-f]{64}$/;
const GONE_MS = 200;

const unknown = (ref: string): AppError =>
  new AppError(
    'NOT_FOUND',
    `There is no container "${ref.slice(0, 64)}" of this deployment. It may have ended.`,
  );

const toListed = ({ Id: ref, Labels, Names, Created, State }: ContainerInfo): Listed[] => {
  const facts = readLabels(Labels, Names?.[0]);
  if (!facts) return [];
  const { id, deployment, expiresAt } = facts;
  const createdAt = Created * 1_000;
  return [{ ref, id, deployment, createdAt, expiresAt, state: STATES[State] ?? 'unknown' }];
};

/** Sandboxes as containers of any engine that speaks Docker's API. */
export const openProvider = async (
  { deployment, log }: ProviderContext,
  values: DockerVariables,
): Promise<Provider> => {
  const settings = toSettings(values);
  const engine = openEngine(settings.socketPath);
  const { docker, call } = engine;
  const watch = createWatch(engine, deployment, log);
  const handles = new Set<VendorHandle>();

  /** What the labels say of a container of this deployment; of no other is anything told. */
  const find = async (
    ref: string,
    signal: AbortSignal,
  ): Promise<{ facts: Facts; isRunning: boolean }> => {
    if (!REF.test(ref)) throw unknown(ref);
    const found = await call(
      'look for a container',
      (options) => docker.getContainer(ref).inspect(options),
      signal,
    ).catch((error: unknown) => {
      throw error instanceof AppError && error.code === 'NOT_FOUND' ? unknown(ref) : error;
    });
    const facts = readLabels(found.Config?.Labels, found.Name);
    if (facts?.deployment !== deployment || found.Id !== ref) throw unknown(ref);
    return { facts, isRunning: found.State?.Running === true };
  };
  const open = (ref: string, facts: Facts, isNew: boolean): VendorHandle => {
    const handle = createHandle({
      ...{ engine, watch, ref, facts, isNew },
      onEnd: () => handles.delete(handle),
    });
    handles.add(handle);
    return handle;
  };

  return {
    name: 'docker',
    capabilities,
    templates: Object.keys(settings.templates),
    health: (signal) => checkHealth(engine, settings, signal),
    async create(spec, signal) {
      const ref = await startContainer(engine, spec, settings, deployment, signal);
      const { id, limits, network, expiresAt } = spec;
      const hasNetwork = network.mode === 'full';
      return open(ref, { id, deployment, expiresAt, limits, hasNetwork }, true);
    },
    async connect(ref, signal) {
      const { facts, isRunning } = await find(ref, signal);
      if (!isRunning) throw unknown(ref);
      return open(ref, facts, false);
    },
    async list(signal) {
      const filters = { label: [`${DEPLOYMENT}=${deployment}`] };
      const found = await call(
        'list containers',
        (options) => docker.listContainers({ ...options, all: true, filters }),
        signal,
      );
      // The engine has filtered; whose it is must not hang on that.
      return found.flatMap(toListed).filter((one) => one.deployment === deployment);
    },
    async destroy(ref, signal) {
      await find(ref, signal);
      // A handle of ours must not take it for the work of somebody else.
      for (const handle of handles) if (handle.ref === ref) return handle.destroy(signal);
      await removeContainer(engine, ref, signal);
      await createControl(engine, ref).waitUntilGone(GONE_MS, signal);
    },
    async dispose() {
      for (const handle of handles) handle.detach?.();
      handles.clear();
      watch.dispose();
    },
  };
};
