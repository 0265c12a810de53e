import { setTimeout as sleep } from 'node:timers/promises';
import { LOST, type ProcessExit } from '../types/process.ts';
import type { OutputBuffer } from './buffer.ts';
import { type Engine, inspectExec } from './engine.ts';
import { toExit } from './exit.ts';

/** After the exit, a background child may hold the output open for ever: its output of this long is still taken. */
const DRAIN_MS = 300;
/** Events tell of an exit at once; this is for those that got lost. */
const LOOK_MS = 15_000;
const FIRST_LOOK_MS = 20;
/** An engine that has ended the output notices the exit within this, unless the process lives on. */
const EARLY_MS = 500;
const GONE_LOOKS = 3;
/** Of looks that come ever later: some ten seconds. */
const MAX_UNANSWERED = 10;

export type EndingOptions = {
  engine: Engine;
  execId: string;
  buffer: OutputBuffer;
  container: {
    /** Grows whenever the connection to the engine was cut. */
    cuts(): number;
    wasOutOfMemory(): Promise<boolean>;
  };
  isAlive(): Promise<boolean>;
  onEnd(): void;
};

/** Finds out how a process ends: from the engine, or that it cannot be known any more. */
export type Ending = {
  exit: Promise<ProcessExit>;
  isFinished(): boolean;
  finish(how: ProcessExit): void;
  /** It may have ended. Once at a time; a failure says nothing, the next look will tell. */
  look(): void;
  /** Signals that were sent through this handle. */
  sent: Set<string>;
  onTimeout(): void;
  onOutput(): void;
  /** There is no more output. `isBroken`: because the connection failed. */
  onClose(isBroken: boolean): Promise<void>;
};

export const createEnding = (options: EndingOptions): Ending => {
  const { engine, execId, buffer, container } = options;
  const exit = Promise.withResolvers<ProcessExit>();
  const sent = new Set<string>();
  const firstCuts = container.cuts();
  const state = { isFinished: false, isTimedOut: false, isClosed: false, isLooking: false };
  /** The output ended while the process ran: either it closed it, or the connection was cut. */
  let isEarly = false;
  let isLost = false;
  let unanswered = 0;
  let receivedAt = Date.now();

  const finish = (how: ProcessExit): void => {
    if (state.isFinished) return;
    state.isFinished = true;
    clearInterval(looks);
    if (isLost || (isEarly && container.cuts() !== firstCuts))
      buffer.lost('The connection to the container engine was interrupted.');
    buffer.end();
    exit.resolve(how);
    options.onEnd();
  };
  const drained = async (): Promise<void> => {
    const isBusy = (): boolean => buffer.isFull() || Date.now() - receivedAt < DRAIN_MS;
    while (!state.isClosed && !state.isFinished && isBusy()) await sleep(DRAIN_MS / 4);
  };
  /** The end of the container kills its processes before the engine tells of it: one that does not answer may just have ended. */
  const askWhyKilled = (): Promise<boolean> =>
    container.wasOutOfMemory().catch((error: unknown) => {
      unanswered += 1;
      if (unanswered < MAX_UNANSWERED) throw error;
      return false;
    });
  const lookOnce = async (): Promise<boolean> => {
    const { isRunning, exitCode } = await inspectExec(engine, execId);
    if (isRunning || state.isFinished) return state.isFinished;
    receivedAt = Date.now();
    await drained();
    const { isTimedOut } = state;
    const isUnexplained = exitCode === 137 && !isTimedOut && !sent.has('SIGKILL');
    const isOutOfMemory = isUnexplained && (await askWhyKilled());
    finish(toExit(exitCode, { isTimedOut, sent, isOutOfMemory }));
    return true;
  };
  const look = (): void => {
    if (state.isLooking) return;
    state.isLooking = true;
    lookOnce()
      .catch(() => false)
      .finally(() => {
        state.isLooking = false;
      });
  };
  const looks = setInterval(look, LOOK_MS).unref();

  return {
    ...{ exit: exit.promise, finish, look, sent },
    isFinished: () => state.isFinished,
    onTimeout: () => {
      state.isTimedOut = true;
    },
    onOutput: () => {
      receivedAt = Date.now();
    },
    async onClose(isBroken) {
      state.isClosed = true;
      isLost = isBroken && !state.isFinished;
      const closedAt = Date.now();
      let gone = 0;
      for (let wait = FIRST_LOOK_MS; !state.isFinished; wait = Math.min(wait * 2, LOOK_MS)) {
        if (await lookOnce().catch(() => false)) return;
        isEarly ||= unanswered === 0 && Date.now() - closedAt > EARLY_MS;
        // An engine that was restarted may take what has ended for running, for minutes or for ever.
        if (isEarly && !(await options.isAlive().catch(() => true))) gone += 1;
        if (gone >= GONE_LOOKS) return finish(LOST);
        await sleep(wait, undefined, { ref: false });
      }
    },
  };
};
