import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Engine } from './engine.ts';
import { type Event, readEvents } from './events.ts';
import { DEPLOYMENT } from './labels.ts';

/** Events can be lost, and some engines keep none: what runs is looked at this often as well. */
const LOOK_MS = 10_000;
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 5_000;
/** A connection that held so long was not part of an outage. */
const STEADY_MS = 30_000;
const ENDED: ReadonlySet<string> = new Set(['die', 'died', 'destroy', 'remove']);
const LIVING: ReadonlySet<string> = new Set(['created', 'running', 'paused', 'restarting']);

export type Watcher = {
  /** The container has ended. */
  onEnd(): void;
  /** A command in it has ended. */
  onExecEnd(execId: string): void;
};

/** Tells of the ends of this deployment's containers by the events of the engine, over one connection for all of them. */
export type Watch = {
  add(ref: string, watcher: Watcher): () => void;
  /** How often the connection was cut. */
  cuts(): number;
  dispose(): void;
};

/** Runs `work` again whenever it ends. `onCut` is told whether this is the first time of an outage. */
const keepUp = async (
  work: () => Promise<void>,
  onCut: (error: unknown, isFirst: boolean) => void,
  signal: AbortSignal,
): Promise<void> => {
  let wait = FIRST_RETRY_MS;
  while (!signal.aborted) {
    const startedAt = Date.now();
    const error: unknown = await work().then(
      () => null,
      (failure: unknown) => failure,
    );
    onCut(error, wait === FIRST_RETRY_MS);
    await sleep(wait, undefined, { ref: false, signal }).catch(() => undefined);
    wait = Date.now() - startedAt > STEADY_MS ? FIRST_RETRY_MS : Math.min(wait * 2, LAST_RETRY_MS);
  }
};

export const createWatch = (engine: Engine, deployment: string, log: Logger): Watch => {
  const { docker, call } = engine;
  const watchers = new Map<string, Set<Watcher>>();
  const stop = new AbortController();
  const filters = { label: [`${DEPLOYMENT}=${deployment}`] };
  let isRunning = false;
  let looks: NodeJS.Timeout | undefined;
  let cuts = 0;

  const end = (ref: string): void => {
    const ending = watchers.get(ref) ?? [];
    watchers.delete(ref);
    for (const { onEnd } of ending) onEnd();
  };
  const look = async (): Promise<void> => {
    // One that comes while the engine answers may be missing in its answer.
    const known = [...watchers.keys()];
    if (known.length === 0) return;
    const found = await call(
      'list containers',
      (options) => docker.listContainers({ ...options, all: true, filters }),
      stop.signal,
    );
    const living = new Set(found.filter(({ State }) => LIVING.has(State)).map(({ Id }) => Id));
    for (const ref of known) if (!living.has(ref)) end(ref);
  };
  const onEvent = ({ Action, Actor }: Event): void => {
    const action = String(Action);
    const ref = String(Actor?.ID);
    if (ENDED.has(action)) end(ref);
    else if (action.startsWith('exec_die') && typeof Actor?.Attributes?.execID === 'string')
      for (const { onExecEnd } of watchers.get(ref) ?? []) onExecEnd(Actor.Attributes.execID);
  };
  const follow = async (): Promise<void> => {
    const stream = await docker.getEvents({ abortSignal: stop.signal, filters });
    // What ended before the stream began.
    look().catch(() => undefined);
    for await (const event of readEvents(stream)) onEvent(event);
  };
  const onCut = (error: unknown, isFirst: boolean): void => {
    cuts += 1;
    if (isFirst && !stop.signal.aborted)
      log.warn({ err: error }, 'the connection to the events of the container engine was cut');
  };

  return {
    add(ref, watcher) {
      const ofContainer = watchers.get(ref) ?? new Set();
      watchers.set(ref, ofContainer.add(watcher));
      if (!isRunning) void keepUp(follow, onCut, stop.signal);
      isRunning = true;
      looks ??= setInterval(() => void look().catch(() => undefined), LOOK_MS).unref();
      return () => {
        ofContainer.delete(watcher);
        if (ofContainer.size === 0 && watchers.get(ref) === ofContainer) watchers.delete(ref);
      };
    },
    cuts: () => cuts,
    dispose() {
      stop.abort();
      clearInterval(looks);
      watchers.clear();
    },
  };
};
