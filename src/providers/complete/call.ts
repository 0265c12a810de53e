import { ExponentialBackoff, handleWhen, retry, TaskCancelledError } from 'cockatiel';
import { AppError } from '../../errors.ts';
import type { Deadline, Deadlines } from './deadlines.ts';

type Work<Value> = (signal: AbortSignal) => Promise<Value> | Value;
export type CallOptions<Value> = {
  signal?: AbortSignal | undefined;
  /** What came after the deadline: nobody waits for it any more, so what it holds must be let go of. */
  onLate?: (value: Value) => void;
};

/** The way to one vendor: every call has a deadline, settles at it, and fails with an `AppError`. */
export type Call = {
  /** Asked once, because asking twice could do it twice. */
  once<Value>(deadline: Deadline, work: Work<Value>, options?: CallOptions<Value>): Promise<Value>;
  /** Asked again, after a while, when it fails in a way that may pass, as long as there is time until the deadline. */
  idempotent<Value>(
    deadline: Deadline,
    work: Work<Value>,
    options?: CallOptions<Value>,
  ): Promise<Value>;
  /** An upload: its deadline begins anew with each piece that the vendor takes. A failure of `content` is thrown as it is. */
  upload(
    content: Content,
    work: (watched: AsyncIterable<Uint8Array>) => Promise<unknown>,
  ): Promise<unknown>;
};
type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

const ATTEMPTS = 3;

const isTransient = (error: unknown): boolean =>
  error instanceof AppError && error.retryable && error.code === 'UNAVAILABLE';

export const createCall = (provider: string, limits: Deadlines): Call => {
  const toAppError = (error: unknown, deadline: Deadline, signal?: AbortSignal): AppError => {
    if (error instanceof AppError) return error;
    if (signal?.aborted)
      return new AppError('UNAVAILABLE', 'The call was cancelled before the provider answered.', {
        cause: error,
      });
    if (error instanceof TaskCancelledError)
      return new AppError(
        'TIMEOUT',
        `The provider "${provider}" did not answer within ${limits[deadline] / 1_000} seconds (${deadline}). Try again, or look at its health.`,
        { details: { provider } },
      );
    // What a vendor's client threw is for the log: it may hold addresses and credentials.
    return new AppError(
      'UNAVAILABLE',
      `The provider "${provider}" failed (${deadline}). The log of the server says more.`,
      { details: { provider }, cause: error },
    );
  };

  const attemptWithin = async <Value>(
    ms: number,
    deadline: Deadline,
    work: Work<Value>,
    { signal, onLate }: CallOptions<Value> = {},
  ): Promise<Value> => {
    // Not cockatiel's timeout: it costs 0.1 ms of CPU, and there are several of these calls in each exec.
    const stop = new AbortController();
    const stopped = Promise.withResolvers<never>();
    const giveUp = (): void => {
      stop.abort();
      stopped.reject(new TaskCancelledError());
    };
    if (signal?.aborted) throw toAppError(signal.reason, deadline, signal);
    const timer = setTimeout(giveUp, ms);
    signal?.addEventListener('abort', giveUp, { once: true });
    let isOver = false;
    const run = async (): Promise<Value> => {
      const value = await work(stop.signal);
      if (isOver) onLate?.(value);
      return value;
    };
    try {
      return await Promise.race([run(), stopped.promise]);
    } catch (error) {
      isOver = true;
      throw toAppError(error, deadline, signal);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
    }
  };

  const policy = retry(handleWhen(isTransient), {
    maxAttempts: ATTEMPTS - 1,
    backoff: new ExponentialBackoff({ initialDelay: 100, maxDelay: 2_000 }),
  });
  return {
    once: (deadline, work, options) => attemptWithin(limits[deadline], deadline, work, options),
    idempotent(deadline, work, options) {
      const endsAt = performance.now() + limits[deadline];
      let failure: unknown;
      // The deadline is that of all attempts together: whoever waits does not wait three times as long.
      const attempt = async () => {
        const left = endsAt - performance.now();
        if (left <= 0) throw failure;
        return attemptWithin(left, deadline, work, options).catch((error: unknown) => {
          failure = error;
          throw error;
        });
      };
      return policy.execute(attempt, options?.signal);
    },
    async upload(content, work) {
      const silence = Promise.withResolvers<never>();
      silence.promise.catch(() => undefined);
      let timer: NodeJS.Timeout | undefined;
      let failure: { error: unknown } | null = null;
      const expectMore = (): void => {
        timer = setTimeout(() => silence.reject(new TaskCancelledError()), limits.transfer);
      };
      const watched = async function* () {
        clearTimeout(timer);
        try {
          for await (const piece of content) {
            expectMore();
            yield piece;
            clearTimeout(timer);
          }
        } catch (error) {
          failure = { error };
          throw error;
        }
        expectMore();
      };
      expectMore();
      try {
        return await Promise.race([work(watched()), silence.promise]);
      } catch (error) {
        throw (failure as { error: unknown } | null)?.error ?? toAppError(error, 'transfer');
      } finally {
        clearTimeout(timer);
      }
    },
  };
};
