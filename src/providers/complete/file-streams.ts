import type { FileChange, ReadOptions, VendorFiles } from '../types/files.ts';
import type { Call } from './call.ts';
import { checkChange } from './check.ts';

/** A file as the vendor reads it. Each piece has its own deadline: a large file takes as long as it takes. */
export const readFromVendor = async function* (
  vendor: VendorFiles,
  call: Call,
  path: string,
  options: ReadOptions,
): AsyncGenerator<Uint8Array> {
  const stop = new AbortController();
  const { signal } = options;
  const source = vendor
    .read(path, {
      ...options,
      signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
    })
    [Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await call.once('transfer', () => source.next(), { signal });
      if (done === true) return;
      if (value instanceof Uint8Array) yield value;
    }
  } finally {
    stop.abort();
    // Not waited for: it may hang in the read that was given up.
    source.return?.().catch(() => undefined);
  }
};

type Change = IteratorResult<FileChange, undefined>;
const END: Change = { done: true, value: undefined };

/**
 * The changes that make sense, until the sandbox ends, whatever its vendor does then. Hand-written: the end of a generator would wait for a
 * change that may never come.
 */
export const checkedChanges = (
  changes: AsyncIterable<unknown>,
  onSandboxEnd: (listener: () => void) => () => void,
): AsyncIterable<FileChange> => ({
  [Symbol.asyncIterator]() {
    const source = changes[Symbol.asyncIterator]();
    let isOver = false;
    let finish: (() => void) | null = null;
    const forget = onSandboxEnd(() => {
      isOver = true;
      finish?.();
      source.return?.().catch(() => undefined);
    });
    const pull = async (): Promise<Change> => {
      for (;;) {
        const { done, value } = await source.next();
        if (done === true) forget();
        if (done === true || isOver) return END;
        const change = checkChange(value);
        if (change) return { done: false, value: change };
      }
    };
    return {
      next: () =>
        new Promise((resolve, reject) => {
          if (isOver) return resolve(END);
          finish = () => resolve(END);
          pull().then(resolve, reject);
        }),
      async return() {
        forget();
        await source.return?.();
        return END;
      },
    };
  },
});
