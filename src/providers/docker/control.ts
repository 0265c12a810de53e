import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import type { Engine } from './engine.ts';
import { statusOf } from './errors.ts';
import { IS_ALIVE, KILL_TREE, OOM_KILLS, SIGNAL_GROUP } from './scripts.ts';
import { ask, collect } from './session.ts';

const KILLER_MS = 10_000;
/** What a killer needs room for: its shell, what that starts, and the engine's own way in. */
const KILLER_PROCESSES = 5;
const MAX_COUNTERS = 4_096;

/** What is done to the processes of a container from outside of them. */
export type Control = {
  /** False: there is no such process group any more. */
  signalGroup(pid: number, name: string): Promise<boolean>;
  /** Everything that the process started. */
  killTree(pid: number, id: string): Promise<void>;
  isAlive(pid: number): Promise<boolean>;
  /** Whether the kernel has killed a process for want of memory since this was asked last. Rejects where the container does not answer. */
  wasOutOfMemory(): Promise<boolean>;
  waitUntilGone(everyMs: number, signal: AbortSignal): Promise<void>;
};

export const createControl = (engine: Engine, ref: string): Control => {
  const { docker, call } = engine;
  let oomKills = 0;
  /** Whether there was no room for a killer, as the engine counts. */
  const isFull = async (): Promise<boolean> => {
    const container = docker.getContainer(ref);
    const [{ HostConfig }, stats] = await Promise.all([
      call('look for a container', (options) => container.inspect(options)),
      call('count the processes of a container', (options) =>
        container.stats({ ...options, stream: false, 'one-shot': true }),
      ),
    ]);
    const limit = Number(HostConfig?.PidsLimit);
    return limit > 0 && Number(stats.pids_stats?.current) >= limit - KILLER_PROCESSES;
  };
  return {
    signalGroup: async (pid, name) =>
      (await ask(engine, ref, SIGNAL_GROUP, [String(pid), name.replace(/^SIG/, '')])) === 'done',
    async killTree(pid, id) {
      const deadline = AbortSignal.timeout(KILLER_MS);
      const answer = await ask(engine, ref, KILL_TREE, [String(pid), id], deadline).catch(
        async (error: unknown) => {
          const isGone = error instanceof AppError && statusOf(error.cause) === 404;
          // An engine that did not answer says nothing of the sandbox, whose other processes must live on.
          if (isGone || !(await isFull())) throw error;
          return 'left';
        },
      );
      if (answer !== 'left') return;
      // Where processes multiply faster than a killer can start or count them: the first process kills all of them at once.
      await call('kill all processes of a container', (options) =>
        docker.getContainer(ref).kill({ ...options, signal: 'SIGUSR2' }),
      );
    },
    isAlive: async (pid) => (await ask(engine, ref, IS_ALIVE, [String(pid)])) !== 'gone',
    async wasOutOfMemory() {
      const counters = await collect(engine, ref, OOM_KILLS, MAX_COUNTERS);
      const [, text = '0'] = /^oom_kill (\d{1,15})$/m.exec(counters) ?? [];
      const isMore = Number(text) > oomKills;
      oomKills = Number(text);
      return isMore;
    },
    async waitUntilGone(everyMs, signal) {
      for (;;) {
        const isGone = await call(
          'look for a container',
          async (options) => {
            try {
              await docker.getContainer(ref).inspect(options);
              return false;
            } catch (error) {
              if (statusOf(error) === 404) return true;
              throw error;
            }
          },
          signal,
        );
        if (isGone) return;
        await sleep(everyMs);
      }
    },
  };
};
