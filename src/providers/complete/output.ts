import type { Logger } from 'pino';
import { AppError } from '../../errors.ts';
import type { OutputChunk, OutputLost, VendorProcess } from '../types/process.ts';
import { checkChunk } from './check.ts';
import { createReceived } from './received.ts';

type Item = OutputChunk | OutputLost;
type Waiting = PromiseWithResolvers<IteratorResult<Item, undefined>>;
const END = { done: true, value: undefined } as const;
const UNATTACHED = 'Output that was written while no server was attached is lost.';
const BROKEN = 'The output broke off at the provider; what was written after this is lost.';

const superseded = (): AppError =>
  new AppError('UNAVAILABLE', 'Another reader has taken over the output of this process.');

export type OutputOptions = {
  /** The last recorded position. */
  after: number;
  /** The vendor's positions are ours: it delivers again what was not acknowledged. */
  isReplayed: boolean;
  log: Logger;
};

/**
 * The output of one process, checked and in pieces that a journal takes. Each is kept until the pull of the next one acknowledges it; who begins to
 * read anew gets first what was not acknowledged, and the reader before gets nothing more. It ends when the vendor's does, or when `end` gives up
 * on a vendor that says nothing, which is told as lost output.
 */
export const openOutput = (process: VendorProcess, { after, isReplayed, log }: OutputOptions) => {
  const received = createReceived(after, isReplayed);
  let source: AsyncIterator<unknown> | null = null;
  let isPulling = false;
  let hasEnded = false;
  let waiting: Waiting | null = null;
  let reader: object | null = null;
  let failure: AppError | null = null;
  let silence: { ms: number; listener: () => void } | null = null;
  let timer: NodeJS.Timeout | undefined;
  const over = Promise.withResolvers<void>();
  if (after > 0 && !isReplayed) received.addLost(UNATTACHED);

  /** Counts only while somebody waits: a reader that is slow makes no vendor silent. */
  const watchSilence = (): void => {
    clearTimeout(timer);
    if (silence && waiting && !hasEnded) timer = setTimeout(silence.listener, silence.ms).unref();
  };
  const answer = (): void => {
    if (!waiting || (received.isEmpty() && !hasEnded)) return;
    const item = received.handOut();
    waiting.resolve(item ? { done: false, value: item } : END);
    waiting = null;
    clearTimeout(timer);
  };
  const finish = (lost: string | null): void => {
    if (hasEnded) return;
    hasEnded = true;
    clearTimeout(timer);
    if (lost !== null) received.addLost(lost);
    answer();
    over.resolve();
  };
  const onNext = ({ done, value }: IteratorResult<unknown>): void => {
    isPulling = false;
    if (hasEnded) return;
    // At least once: what came already comes again.
    const item = done === true ? null : checkChunk(value, received.vendorPosition());
    if (item) received.add(item);
    if (done === true) finish(null);
    else if (received.isEmpty()) pull();
    else answer();
  };
  const pull = (): void => {
    if (isPulling) return;
    isPulling = true;
    source ??= process.output[Symbol.asyncIterator]();
    source.next().then(onNext, (error: unknown) => {
      log.warn({ err: error }, 'The output of a process broke off at its provider.');
      finish(BROKEN);
    });
  };
  const interrupt = (error: AppError): void => {
    // Whoever waited may be gone, and a rejection that nobody handles ends the server.
    waiting?.promise.catch(() => undefined);
    waiting?.reject(error);
    waiting = null;
    clearTimeout(timer);
  };
  const read = (): AsyncIterator<Item, undefined> => {
    const self = {};
    if (waiting) interrupt(superseded());
    received.takeBack();
    reader = self;
    return {
      next() {
        if (failure || reader !== self) return Promise.reject(failure ?? superseded());
        received.acknowledge();
        const asked: Waiting = Promise.withResolvers();
        waiting = asked;
        answer();
        if (waiting) pull();
        watchSilence();
        return asked.promise;
      },
      return: () => Promise.resolve(END),
    };
  };
  return {
    output: { [Symbol.asyncIterator]: read } satisfies AsyncIterable<Item>,
    ended: over.promise,
    /** Gives up: what the vendor may still have is told as lost. */
    end: (reason: string): void => finish(reason),
    /** From now on `listener` is called when the vendor leaves a reader without an answer for so long. */
    onSilence(ms: number, listener: () => void): void {
      silence ??= { ms, listener };
      watchSilence();
    },
    skipTo: received.skipTo,
    /** Nobody reads any more from here; whoever waits is told why. */
    abandon(error: AppError): void {
      failure ??= error;
      interrupt(error);
    },
  };
};
