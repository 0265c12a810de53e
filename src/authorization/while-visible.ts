const LOOK_MS = 1_000;

/**
 * The events, for as long as `look` does not reject; then its error, within a second. For what can be taken back while it is watched, such
 * as a share.
 */
export const whileVisible = <Event>(
  events: AsyncIterable<Event>,
  look: () => Promise<unknown>,
): AsyncIterableIterator<Event> => {
  const source = events[Symbol.asyncIterator]();
  const END = { done: true, value: undefined } as const;
  let lost: { error: unknown } | null = null;
  /** Wakes the reader that waits; there is one at most. */
  let wake = (): void => undefined;
  const stop = (): void => clearInterval(timer);
  const timer = setInterval(() => {
    look().catch((error: unknown) => {
      lost = { error };
      stop();
      wake();
    });
  }, LOOK_MS).unref();

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      return new Promise((resolve, reject) => {
        const refuse = (): void => reject(lost?.error);
        if (lost) return refuse();
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
