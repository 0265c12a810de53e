import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import type { Process } from '../store/types/process.ts';
import type { Pumps } from './pumps.ts';

const FIRST_LOOK_MS = 100;
/** Many may wait for a long time: each look is a question to the store. */
const LAST_LOOK_MS = 3_000;

/** Between the start of the server and the moment its sandbox answers, or while what it says cannot be recorded. */
export const notTakenUp = (id: string): AppError =>
  new AppError(
    'UNAVAILABLE',
    `The process ${id} runs, but this server is not connected to it at the moment. Try again.`,
    { retryAfterMs: 1_000 },
  );

/** The row after the exit, or as it is after `timeoutMs`; also for one that runs and is not taken up yet. */
export const waitForExit = async (
  read: () => Promise<Process>,
  pumps: Pick<Pumps, 'finished'>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Process> => {
  const stop = new AbortController();
  const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs), stop.signal]);
  let row = await read();
  let done = pumps.finished(row.id);
  let delay = FIRST_LOOK_MS;
  while (!done && row.endedAt === null && !until.aborted) {
    await sleep(delay, undefined, { ref: false, signal: until }).catch(() => undefined);
    delay = Math.min(delay * 2, LAST_LOOK_MS);
    row = await read();
    done = pumps.finished(row.id);
  }
  if (!done || until.aborted) return row;
  const over = new Promise<Process>((resolve) =>
    until.addEventListener('abort', () => resolve(row), { once: true }),
  );
  return Promise.race([done, over]).finally(() => stop.abort());
};
