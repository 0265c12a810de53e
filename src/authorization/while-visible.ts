const CHECK_MS = 1_000;

/**
 * The events, for as long as `checkVisible` does not reject; then its error, within a second. For permissions that can be withdrawn while
 * a stream is open, such as a share.
 */
export const whileVisible = <Event>(
  events: AsyncIterable<Event>,
  checkVisible: () => Promise<unknown>,
): AsyncIterableIterator<Event> => {
  const source = events[Symbol.asyncIterator]();
  const END = { done: true, value: undefined } as const;
  let failure: { error: unknown } | null = null;
  /** Rejects the reader that waits; there is one at most. */
  let wake = (): void => undefined;
  const stop = (): void => clearInterval(timer);
  const timer = setInterval(() => {
    checkVisible().catch((error: unknown) => {
      failure = { error };
      stop();
      wake();
    });
  }, CHECK_MS).unref();

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      return new Promise((resolve, reject) => {
        const refuse = (): void => reject(failure?.error);
        if (failure) return refuse();
        wake = refuse;
        source.next().then((result) => {
          if (result.done) stop();
          resolve(result);
        }, reject);
      });
    },
    async return() {
      stop();
      await source.return?.();
      return END;
    },
  };
};
