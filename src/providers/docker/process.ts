import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import { LOST, type ProcessExit, type VendorProcess } from '../types/process.ts';
import { createOutputBuffer } from './buffer.ts';
import { acceptCreated, type Engine, inspectExec } from './engine.ts';
import { toExit } from './exit.ts';
import { createInput } from './input.ts';
import type { Session } from './session.ts';

/** After the exit, a background child may hold the output open for ever: its output of this long is still taken. */
const DRAIN_MS = 300;
/** Events tell of an exit at once; this is for those that got lost. */
const LOOK_MS = 15_000;
const FIRST_LOOK_MS = 20;
const KILL_RETRY_MS = 5_000;
const GONE_LOOKS = 3;

export type ProcessOptions = {
  engine: Engine;
  session: Session;
  pid: number;
  hasPty: boolean;
  hasStdin: boolean;
  timeoutMs: number | undefined;
  /** Of the container, which the process cannot outlive. */
  container: {
    /** Grows whenever the connection to the engine was cut. */
    cuts(): number;
    signalGroup(pid: number, name: string): Promise<boolean>;
    killTree(pid: number): Promise<void>;
    isAlive(pid: number): Promise<boolean>;
    wasOutOfMemory(): Promise<boolean>;
  };
  onEnd(): void;
};

export type ContainerProcess = {
  process: VendorProcess;
  /** It may have ended. */
  look(): void;
  /** The container has ended. */
  lose(): void;
  /** Lets go of the process, which lives on. */
  detach(): void;
};

const exited = (): AppError =>
  new AppError('TERMINATED', 'The process has exited. Its exit and its output can still be read.');

export const createProcess = (options: ProcessOptions): ContainerProcess => {
  const { engine, session, pid, container } = options;
  const { execId, socket, pieces } = session;
  const exit = Promise.withResolvers<ProcessExit>();
  const buffer = createOutputBuffer();
  const sent = new Set<string>();
  const firstCuts = container.cuts();
  let isTimedOut = false;
  let isFinished = false;
  let isClosed = false;
  /** The stream ended while the process ran: either it closed its output, or the connection was cut. */
  let isEarly = false;
  let isBroken = false;
  let receivedAt = Date.now();
  let isLooking = false;

  const finish = (how: ProcessExit): void => {
    if (isFinished) return;
    isFinished = true;
    clearTimeout(timer);
    clearInterval(looks);
    if (isBroken || (isEarly && container.cuts() !== firstCuts))
      buffer.lost('The connection to the container engine was interrupted.');
    buffer.end();
    socket.destroy();
    exit.resolve(how);
    options.onEnd();
  };
  const drained = async (): Promise<void> => {
    while (!isClosed && !isFinished && (buffer.isFull() || Date.now() - receivedAt < DRAIN_MS))
      await sleep(DRAIN_MS / 4);
  };
  const lookOnce = async (): Promise<boolean> => {
    const { isRunning, exitCode } = await inspectExec(engine, execId);
    if (isRunning || isFinished) return isFinished;
    receivedAt = Date.now();
    await drained();
    const isOutOfMemory =
      exitCode === 137 && !isTimedOut && !sent.has('SIGKILL') && (await container.wasOutOfMemory());
    finish(toExit(exitCode, { isTimedOut, sent, isOutOfMemory }));
    return true;
  };
  /** Once at a time; a failure says nothing, the next look will tell. */
  const look = (): void => {
    if (isLooking) return;
    isLooking = true;
    lookOnce()
      .catch(() => false)
      .finally(() => {
        isLooking = false;
      });
  };
  const onClose = async (): Promise<void> => {
    isClosed = true;
    let gone = 0;
    // An engine may need a moment to notice an exit whose output it has ended.
    for (let wait = FIRST_LOOK_MS; !isFinished; wait = Math.min(wait * 2, LOOK_MS)) {
      if (await lookOnce().catch(() => false)) return;
      isEarly ||= wait > FIRST_LOOK_MS * 16;
      // An engine that was restarted may take what has ended for running, for minutes or for ever.
      if (isEarly && !(await container.isAlive(pid).catch(() => true))) gone += 1;
      if (gone >= GONE_LOOKS) return finish(LOST);
      await sleep(wait, undefined, { ref: false });
    }
  };
  const pump = async (): Promise<void> => {
    try {
      for await (const { stream, bytes } of pieces) {
        receivedAt = Date.now();
        await buffer.push(stream, bytes);
        receivedAt = Date.now();
      }
    } catch {
      isBroken = true;
    }
    await onClose();
  };
  const kill = async (): Promise<void> => {
    isTimedOut = true;
    while (!isFinished) {
      await container.killTree(pid).catch(() => undefined);
      look();
      await sleep(KILL_RETRY_MS, undefined, { ref: false });
    }
  };
  const timer =
    options.timeoutMs === undefined ? undefined : setTimeout(() => void kill(), options.timeoutMs);
  timer?.unref();
  const looks = setInterval(look, LOOK_MS).unref();
  void pump();

  return {
    look,
    lose: () => finish({ ...LOST, reason: 'SANDBOX_ENDED' }),
    detach: () => finish(LOST),
    process: {
      ref: execId,
      pid,
      output: buffer.output,
      exit: exit.promise,
      ...(options.hasStdin ? { stdin: createInput(socket, options.hasPty, () => isFinished) } : {}),
      async signal(name) {
        if (isFinished) throw exited();
        sent.add(name);
        if (name === 'SIGKILL') await container.killTree(pid);
        else if (!(await container.signalGroup(pid, name))) {
          sent.delete(name);
          throw exited();
        }
        look();
      },
      ...(options.hasPty
        ? {
            async resize({ cols, rows }) {
              if (isFinished) throw exited();
              await engine.call('resize a terminal', (call) =>
                acceptCreated(engine.docker.getExec(execId).resize({ ...call, w: cols, h: rows })),
              );
            },
          }
        : {}),
    },
  };
};
