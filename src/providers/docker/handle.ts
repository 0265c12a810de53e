import { AppError } from '../../errors.ts';
import type { VendorHandle } from '../types/handle.ts';
import type { SpawnSpec, VendorProcess } from '../types/process.ts';
import type { SandboxEnd } from '../types/sandbox.ts';
import { removeContainer } from './container.ts';
import { createControl } from './control.ts';
import type { Engine } from './engine.ts';
import { createFiles } from './files.ts';
import { type Facts, nameOf } from './labels.ts';
import { createPorts } from './ports.ts';
import { type ContainerProcess, createProcess } from './process.ts';
import { EXTEND, PROCESS_ID, RUN_PROCESS } from './scripts.ts';
import { ask, openSession, type Session } from './session.ts';
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
  onEnd(): void;
};

const readPid = async ({ greeting, socket }: Session, spec: SpawnSpec): Promise<number> => {
  const [, pid] = /^pid (\d{1,10})$/.exec(greeting) ?? [];
  if (pid) return Number(pid);
  socket.destroy();
  if (greeting === 'cwd')
    throw new AppError(
      'INVALID_ARGUMENT',
      `The working directory "${spec.cwd?.slice(0, 500)}" is not a directory of the sandbox. Create it first, or choose another.`,
    );
  if (greeting === 'again')
    throw new AppError(
      'CONFLICT',
      `The process ${spec.id} was started before by a server that has since stopped, and this provider cannot attach to it. Start another process.`,
    );
  throw new AppError('UNAVAILABLE', 'The container did not say whether the process started.', {
    retryable: false,
    details: { ambiguous: true },
  });
};

export const createHandle = (options: HandleOptions): VendorHandle => {
  const { engine, watch, ref, facts } = options;
  const ended = Promise.withResolvers<SandboxEnd>();
  const control = createControl(engine, ref);
  const processes = new Map<string, ContainerProcess>();
  const starting = new Map<string, Promise<VendorProcess>>();
  let isDestroying = false;
  let hasEnded = false;

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
    const { id, argv, cwd = '.', pty, stdin = true, timeoutMs } = spec;
    const hasStdin = stdin || pty !== undefined;
    const size = pty ? [String(pty.rows), String(pty.cols)] : ['0', '0'];
    const session = await openSession(
      engine,
      ref,
      {
        script: RUN_PROCESS,
        args: [id, cwd, hasStdin ? 'yes' : 'no', ...size, ...argv],
        env: { ...spec.env, [PROCESS_ID]: id },
        tty: pty !== undefined,
        stdin: hasStdin,
      },
      signal,
    );
    const pid = await readPid(session, spec);
    const { execId } = session;
    const process = createProcess({
      ...{ engine, session, pid, hasStdin, timeoutMs },
      hasPty: pty !== undefined,
      container: {
        cuts: watch.cuts,
        signalGroup: control.signalGroup,
        killTree: (root) => control.killTree(root, id),
        isAlive: control.isAlive,
        wasOutOfMemory: control.wasOutOfMemory,
      },
      onEnd: () => processes.delete(execId),
    });
    processes.set(execId, process);
    if (hasEnded) process.lose();
    // For an image without the program that sets the size from inside.
    if (pty) await process.process.resize?.(pty).catch(() => undefined);
    return { ...process.process, release: async () => void starting.delete(id) };
  };

  return {
    ref,
    ended: ended.promise,
    files: createFiles(engine, ref),
    ports: createPorts(engine, ref),
    usage: createUsage(engine, ref, facts, options.isNew),
    expiry: {
      async extendTo(instant, signal) {
        const seconds = Math.max(1, Math.ceil((instant - Date.now()) / 1_000));
        if ((await ask(engine, ref, EXTEND, [String(seconds)], signal)) !== 'done')
          throw new AppError('UNAVAILABLE', 'The container did not take its new expiration time.');
        const name = nameOf(facts.id, instant);
        await engine.call(
          'rename a container',
          (aborting) => engine.docker.getContainer(ref).rename({ ...aborting, name }),
          signal,
        );
      },
    },
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
      forget();
      for (const { detach } of [...processes.values()]) detach();
    },
  };
};
