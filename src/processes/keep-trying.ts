import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../errors.ts';

const FIRST_MS = 50;
const LAST_MS = 30_000;

/** What no later attempt can change: the journal has ended, or never takes such a record. */
const isFinal = (error: unknown): boolean =>
  error instanceof AppError && (error.code === 'CONFLICT' || error.code === 'TOO_LARGE');

/** Tries until it succeeds, ever more seldom, at most every 30 seconds. Rejects when the signal aborts, or with what no attempt can change. */
export const keepTrying = async <Value>(
  work: () => Promise<Value>,
  signal: AbortSignal,
  onFailure: (error: unknown, attempt: number) => void,
): Promise<Value> => {
  let delay = FIRST_MS;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (isFinal(error)) throw error;
      onFailure(error, attempt);
      await sleep(delay, undefined, { signal, ref: false });
      delay = Math.min(delay * 2, LAST_MS);
    }
  }
};

/** The outcome of `work`, or the reason of the signal as soon as it aborts: what is waited for may never come. */
export const orAborted = <Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> =>
  new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
