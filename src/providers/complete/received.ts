import type { OutputChunk, OutputLost } from '../types/process.ts';
import { PIECE_STEP, skippedBytes, splitChunk, vendorPositionOf } from './pieces.ts';

type Item = OutputChunk | OutputLost;

/** What came of the output of a process and was not acknowledged: the pieces of one chunk of the vendor's at most, and that output is lost. */
export const createReceived = (after: number, isReplayed: boolean) => {
  let position = after;
  let vendorPosition = isReplayed ? vendorPositionOf(after) : 0;
  let skipped = isReplayed ? skippedBytes(after) : 0;
  let items: Item[] = [];
  let isHandedOut = false;
  return {
    /** Of the last chunk that came. */
    vendorPosition: () => vendorPosition,
    isEmpty: () => items.length === 0,
    add(item: Item): void {
      const before = isReplayed ? vendorPosition : position;
      const split = splitChunk(item, { before, skipped, isReplayed });
      skipped = split.skipped;
      vendorPosition = item.position;
      position = split.items.at(-1)?.position ?? (isReplayed ? item.position : position);
      items.push(...split.items);
    },
    addLost(reason: string): void {
      // Smaller than a piece, so that an attach after it skips nothing of what the vendor still has.
      position += isReplayed ? PIECE_STEP / 2 : 1;
      items.push({ kind: 'lost', reason, position });
    },
    /** The first one stays until it is acknowledged. */
    handOut(): Item | undefined {
      isHandedOut = items.length > 0;
      return items[0];
    },
    acknowledge(): void {
      if (isHandedOut) items.shift();
      isHandedOut = false;
    },
    /** What was handed out and not acknowledged is handed out again. */
    takeBack(): void {
      isHandedOut = false;
    },
    /** What is recorded up to this position is not handed out again. */
    skipTo(recorded: number): void {
      items = items.filter((item) => item.position > recorded);
      isHandedOut = false;
    },
  };
};
