import type { OutputChunk, OutputLost } from '../types/process.ts';

type Item = OutputChunk | OutputLost;

/** No journal refuses a record of this size, and a subscriber gets it as one event. */
export const PIECE_BYTES = 2 ** 18;
/**
 * Where the vendor delivers again what follows a position, a piece that is not the last of its chunk lies a fraction behind the chunk before: so
 * many steps as pieces have been delivered. It is found again even when the vendor cuts its chunks elsewhere the next time. 4 GiB fit below one.
 */
export const PIECE_STEP = 2 ** -14;

/** What the vendor is asked to continue after. */
export const vendorPositionOf = (position: number): number => Math.floor(position);
/** How much of what the vendor then delivers is recorded already. */
export const skippedBytes = (position: number): number =>
  Math.floor((position - vendorPositionOf(position)) / PIECE_STEP) * PIECE_BYTES;

export type SplitOptions = {
  /** The position of the chunk before, or of our last piece where the positions are ours. */
  before: number;
  /** Bytes at the beginning that are recorded already. */
  skipped: number;
  isReplayed: boolean;
};

/** The pieces of a chunk with their positions, and what is left to skip of the next one. */
export const splitChunk = (
  item: Item,
  { before, skipped, isReplayed }: SplitOptions,
): { items: Item[]; skipped: number } => {
  /** `count`: pieces from the beginning of the chunk to the end of this one. */
  const place = (count: number, isLast: boolean): number => {
    if (!isReplayed) return before + count;
    return isLast ? item.position : before + count * PIECE_STEP;
  };
  if (item.kind === 'lost') return { items: [{ ...item, position: place(1, true) }], skipped: 0 };
  const { bytes } = item;
  if (skipped > 0 && bytes.length <= skipped) return { items: [], skipped: skipped - bytes.length };
  const items: Item[] = [];
  const pieces = Math.max(1, Math.ceil(bytes.length / PIECE_BYTES));
  for (let index = Math.floor(skipped / PIECE_BYTES); index < pieces; index += 1) {
    const end = (index + 1) * PIECE_BYTES;
    const piece = bytes.subarray(Math.max(skipped, index * PIECE_BYTES), end);
    items.push({ ...item, bytes: piece, position: place(index + 1, end >= bytes.length) });
  }
  return { items, skipped: 0 };
};
