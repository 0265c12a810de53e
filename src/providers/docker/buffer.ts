import { createMailbox } from '../../lib/mailbox.ts';
import type { OutputChunk, OutputLost, OutputStream } from '../types/process.ts';

/** So much is taken from the engine before anybody asks for it; behind it the engine holds the process back. */
const HELD_BYTES = 2 ** 20;
/** What a chunk costs beside its bytes. */
const CHUNK_COST = 128;

/** Output between the engine and one reader. */
export type OutputBuffer = {
  output: AsyncIterable<OutputChunk | OutputLost>;
  /** Resolves when there is room for more. */
  push(stream: OutputStream, bytes: Uint8Array): Promise<void>;
  lost(reason: string): void;
  end(): void;
  isFull(): boolean;
};

export const createOutputBuffer = (): OutputBuffer => {
  const mailbox = createMailbox<OutputChunk | OutputLost>();
  let position = 0;
  let held = 0;
  let room: PromiseWithResolvers<void> | null = null;
  const release = (): void => {
    room?.resolve();
    room = null;
  };
  return {
    output: {
      [Symbol.asyncIterator]: () => ({
        async next() {
          const result = await mailbox.next();
          if (!result.done && result.value.kind === 'output')
            held -= result.value.bytes.length + CHUNK_COST;
          if (held < HELD_BYTES) release();
          return result;
        },
        async return() {
          return { done: true, value: undefined };
        },
      }),
    },
    push(stream, bytes) {
      position += 1;
      held += bytes.length + CHUNK_COST;
      mailbox.push({ kind: 'output', stream, bytes, position });
      if (held < HELD_BYTES) return Promise.resolve();
      room ??= Promise.withResolvers<void>();
      return room.promise;
    },
    lost(reason) {
      position += 1;
      mailbox.push({ kind: 'lost', reason, position });
    },
    end() {
      mailbox.end();
      release();
    },
    isFull: () => room !== null,
  };
};
