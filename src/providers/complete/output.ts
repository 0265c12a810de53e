import type { Logger } from 'pino';
import type { OutputChunk, OutputLost, VendorProcess } from '../types/process.ts';
import { checkChunk } from './check.ts';

type Item = OutputChunk | OutputLost;
const END = { done: true, value: undefined } as const;

/** The output of one process, checked; it ends when the vendor's does, or when `end` gives up on a vendor that says nothing. */
export const openOutput = (
  process: VendorProcess,
  after: number,
  isReplayed: boolean,
  log: Logger,
) => {
  let source: AsyncIterator<unknown> | null = null;
  let position = after;
  let vendorPosition = isReplayed ? after : 0;
  let ended = false;
  let waiting: ((result: IteratorResult<Item, undefined>) => void) | null = null;
  /** Only new output is delivered: what was written in between is lost, and is said to be. */
  let gap = after > 0 && !isReplayed;

  const over = Promise.withResolvers<void>();

  const finish = (): void => {
    ended = true;
    waiting?.(END);
    waiting = null;
    over.resolve();
  };
  const pull = (): void => {
    source ??= process.output[Symbol.asyncIterator]();
    source.next().then(
      ({ done, value }) => {
        if (ended || done === true) return finish();
        const item = checkChunk(value, vendorPosition);
        // At least once: what came already comes again.
        if (item === null) return pull();
        vendorPosition = item.position;
        position = isReplayed ? item.position : position + 1;
        waiting?.({ done: false, value: { ...item, position } });
        waiting = null;
      },
      (error: unknown) => {
        log.warn({ err: error }, 'the output of a process broke off at its provider');
        finish();
      },
    );
  };
  const iterator: AsyncIterator<Item, undefined> = {
    next() {
      if (ended) return Promise.resolve(END);
      if (gap) {
        gap = false;
        position += 1;
        const reason = 'Output that was written while no server was attached is lost.';
        return Promise.resolve({ done: false, value: { kind: 'lost', reason, position } });
      }
      return new Promise((resolve) => {
        waiting = resolve;
        pull();
      });
    },
    return: () => Promise.resolve(END),
  };
  return {
    output: { [Symbol.asyncIterator]: () => iterator } satisfies AsyncIterable<Item>,
    ended: over.promise,
    isAwaited: () => waiting !== null,
    hasEnded: () => ended,
    end: finish,
  };
};
