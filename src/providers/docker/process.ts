import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import { atInstant } from '../../lib/at-instant.ts';
import { LOST, type VendorProcess } from '../types/process.ts';
import { createOutputBuffer } from './buffer.ts';
import { createEnding, type EndingOptions } from './ending.ts';
import { acceptCreated, type Engine } from './engine.ts';
import { createInput } from './input.ts';
import type { Session } from './session.ts';

const KILL_RETRY_MS = 5_000;

export type ProcessOptions = {
  engine: Engine;
  session: Session;
  pid: number;
  hasPty: boolean;
  hasStdin: boolean;
  timeoutMs: number | undefined;
  /** Of the container, which the process cannot outlive. */
  container: EndingOptions['container'] & {
    signalGroup(pid: number, name: string): Promise<boolean>;
    killTree(pid: number): Promise<void>;
    isAlive(pid: number): Promise<boolean>;
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
  const { engine, session, pid, container, timeoutMs } = options;
  const { execId, socket, pieces } = session;
  const buffer = createOutputBuffer();
  const ending = createEnding({
    ...{ engine, execId, buffer, container },
    isAlive: () => container.isAlive(pid),
    onEnd() {
      forgetTimeout();
      socket.destroy();
      options.onEnd();
    },
  });
  const { isFinished, look, finish, sent } = ending;
  const pump = async (): Promise<void> => {
    let isBroken = false;
    try {
      for await (const { stream, bytes } of pieces) {
        ending.onOutput();
        await buffer.push(stream, bytes);
        ending.onOutput();
      }
    } catch {
      isBroken = true;
    }
    await ending.onClose(isBroken);
  };
  const timeOut = async (): Promise<void> => {
    ending.onTimeout();
    while (!isFinished()) {
      await container.killTree(pid).catch(() => undefined);
      look();
      await sleep(KILL_RETRY_MS, undefined, { ref: false });
    }
  };
  const forgetTimeout =
    timeoutMs === undefined
      ? () => undefined
      : atInstant(Date.now() + timeoutMs, () => void timeOut());
  void pump();

  const signal = async (name: string): Promise<void> => {
    if (isFinished()) throw exited();
    sent.add(name);
    if (name === 'SIGKILL') await container.killTree(pid);
    else if (!(await container.signalGroup(pid, name))) {
      sent.delete(name);
      throw exited();
    }
    look();
  };
  const resize: VendorProcess['resize'] = async ({ cols, rows }) => {
    if (isFinished()) throw exited();
    await engine.call('resize a terminal', (call) =>
      acceptCreated(engine.docker.getExec(execId).resize({ ...call, w: cols, h: rows })),
    );
  };
  return {
    look,
    lose: () => finish({ ...LOST, reason: 'SANDBOX_ENDED' }),
    detach: () => finish(LOST),
    process: {
      ...{ ref: execId, pid, output: buffer.output, exit: ending.exit, signal },
      ...(options.hasStdin ? { stdin: createInput(socket, options.hasPty, isFinished) } : {}),
      ...(options.hasPty ? { resize } : {}),
    },
  };
};
