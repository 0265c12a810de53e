import { AppError } from '../../errors.ts';
import type { VendorHandle } from '../types/handle.ts';
import type { SpawnSpec, VendorProcess } from '../types/process.ts';
import type { SandboxEnd } from '../types/sandbox.ts';
import { removeContainer } from './container.ts';
import { createControl } from './control.ts';
import type { Engine } from './engine.ts';
import { createExpiry } from './expiry.ts';
import { createFiles } from './files.ts';
import type { Facts } from './labels.ts';
import { createPorts } from './ports.ts';
import type { ContainerProcess } from './process.ts';
import { startProcess } from './start.ts';
import { createUsage } from './usage.ts';
import type { Watch } from './watch.ts';

const GONE_MS = 200;

export type HandleOptions = {
  engine: Engine;
  watch: Watch;
  ref: string;
  facts: Facts;
  /** The sandbox was created just now. */
  isNew: boolean;
  /** It has ended, or was let go of. */
  onEnd(): void;
};

export const createHandle = (options: HandleOptions): VendorHandle => {
  const { engine, watch, ref, facts } = options;
  const ended = Promise.withResolvers<SandboxEnd>();
  const control = createControl(engine, ref);
  const processes = new Map<string, ContainerProcess>();
  const starting = new Map<string, Promise<VendorProcess>>();
  let isDestroying = false;
  let hasEnded = false;
  let isDetached = false;

  const end = (): void => {
    if (hasEnded) return;
    hasEnded = true;
    forget();
    for (const { lose } of [...processes.values()]) lose();
    ended.resolve(
      isDestroying
        ? { reason: 'destroyed', message: 'The sandbox was destroyed.' }
        : {
            reason: 'died',
            message:
              'The container ended: it reached its expiration time, its first process was killed, or somebody removed it.',
          },
    );
    options.onEnd();
  };
  const forget = watch.add(ref, {
    onEnd: end,
    onExecEnd: (execId) => processes.get(execId)?.look(),
  });

  const start = async (spec: SpawnSpec, signal: AbortSignal): Promise<VendorProcess> => {
    const { id } = spec;
    const context = { engine, ref, watch, control };
    const process = await startProcess(context, spec, signal, (execId) => processes.delete(execId));
    processes.set(process.process.ref, process);
    if (hasEnded) process.lose();
    else if (isDetached) process.detach();
    // For an image without the program that sets the size from inside.
    if (spec.pty) await process.process.resize?.(spec.pty).catch(() => undefined);
    return { ...process.process, release: async () => void starting.delete(id) };
  };

  return {
    ref,
    ended: ended.promise,
    files: createFiles(engine, ref),
    ports: createPorts(engine, ref),
    usage: createUsage(engine, ref, facts, options.isNew),
    expiry: createExpiry(engine, ref, facts.id),
    spawn(spec, signal) {
      if (hasEnded)
        return Promise.reject(
          new AppError('UNAVAILABLE', 'The sandbox has ended. Create another.', {
            retryable: false,
          }),
        );
      const known = starting.get(spec.id);
      if (known !== undefined) return known;
      const process = start(spec, signal);
      starting.set(spec.id, process);
      process.catch(() => starting.delete(spec.id));
      return process;
    },
    async destroy(signal) {
      isDestroying = true;
      await removeContainer(engine, ref, signal);
      await control.waitUntilGone(GONE_MS, signal);
      end();
    },
    detach() {
      isDetached = true;
      forget();
      for (const { detach } of [...processes.values()]) detach();
      options.onEnd();
    },
  };
};
