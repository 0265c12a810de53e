import { closeSync, openSync, readSync } from 'node:fs';
import type { JournalItem, JournalRecord } from './journal.ts';
import { decodeFrame, findFrame, type Kept, MIN_FRAME } from './record.ts';
import type { Segment, Topic } from './topic.ts';

const CHUNK = 256 * 1024;
const MARK_EVERY = 64 * 1024;

/** `torn`: the file ends inside a frame, which nobody was told of. `lost`: from here on, nothing in the file can be read. */
type Found =
  | { state: 'whole'; offset: number; kept: Kept }
  | { state: 'damaged' | 'torn' | 'lost'; offset: number };

const readPart = (fd: number, offset: number, size: number): Buffer => {
  const data = Buffer.allocUnsafe(size);
  return data.subarray(0, readSync(fd, data, 0, size, offset));
};

/** What stands in a segment from `from` on, which must be where a frame begins. */
export function* scan(segment: Segment, from: number, seed: number): Generator<Found, void> {
  const fd = openSync(segment.file, 'r');
  try {
    let base = from;
    let data = readPart(fd, from, Math.min(CHUNK, segment.size - from));
    let offset = from;
    while (offset < segment.size) {
      let frame = decodeFrame(data, offset - base, seed);
      if (frame.state === 'short' && base + data.length < segment.size) {
        data = readPart(fd, offset, Math.min(CHUNK + frame.size, segment.size - offset));
        base = offset;
        frame = decodeFrame(data, 0, seed);
      }
      if (frame.state === 'short') return yield { state: 'torn', offset };
      if (frame.state === 'whole') {
        yield { state: 'whole', offset, kept: frame };
        offset += frame.size;
      } else if (frame.state === 'damaged') {
        yield { state: 'damaged', offset };
        offset += frame.size;
      } else {
        data = readPart(fd, offset, segment.size - offset);
        base = offset;
        const next = findFrame(data, 1, seed);
        if (next === -1) return yield { state: 'lost', offset };
        offset += next;
      }
    }
  } finally {
    closeSync(fd);
  }
}

const gapTo = (after: number, to: number): JournalItem[] =>
  to > after ? [{ gap: true, from: after + 1, to, reason: 'corrupt' }] : [];

/** A reader that comes back to a segment need not begin at its start. */
const mark = (segment: Segment, seq: number, offset: number): void => {
  const last = segment.marks.at(-1) ?? { seq: segment.first, offset: 0 };
  if (offset >= last.offset + MARK_EVERY && seq > last.seq) segment.marks.push({ seq, offset });
};

/** The records behind `after` that one segment holds, as many as fit in `limit` bytes, at least one; gaps where any are missing. */
export const readItems = (topic: Topic, after: number, limit: number): JournalItem[] => {
  const index = topic.segments.findLastIndex(({ first }) => first <= after + 1);
  const segment = topic.segments[index];
  if (!segment) return gapTo(after, topic.last);
  const last = (topic.segments[index + 1]?.first ?? topic.last + 1) - 1;
  const from = segment.marks.findLast(({ seq }) => seq <= after + 1)?.offset ?? 0;
  const items: JournalItem[] = [];
  let place = after;
  let size = 0;
  for (const found of scan(segment, from, topic.seed)) {
    if (found.state !== 'whole') continue;
    const { record } = found.kept;
    if (record.seq <= place || record.seq > last) continue;
    mark(segment, record.seq, found.offset);
    if (items.length > 0 && size + found.kept.size > limit) return items;
    items.push(...gapTo(place, record.seq - 1), record);
    place = record.seq;
    size += found.kept.size;
  }
  return [...items, ...gapTo(place, last)];
};

/** The highest record that can be read. */
export const lastOf = (topic: Topic): JournalRecord | null => {
  const kept = topic.tail.at(-1);
  if (kept?.record.seq === topic.last) return kept.record;
  for (const segment of topic.segments.toReversed()) {
    let last: JournalRecord | null = null;
    for (const found of scan(segment, segment.marks.at(-1)?.offset ?? 0, topic.seed))
      if (found.state === 'whole') last = found.kept.record;
    if (last) return last;
  }
  return null;
};

/** The place of a topic by its newest segment, read whole: the seq given last, and where the file should end. */
export const survey = (
  segment: Segment,
  seed: number,
): { last: number; size: number; lost: boolean } => {
  let last = segment.first - 1;
  for (const { state, offset, ...found } of scan(segment, 0, seed)) {
    if (state === 'torn') return { last, size: offset, lost: false };
    if ('kept' in found) {
      last = found.kept.record.seq;
      mark(segment, last, offset);
      continue;
    }
    // How many records stood in what is lost cannot be known. A number that was given must not be given again, so the most there could be.
    last += state === 'damaged' ? 1 : Math.ceil((segment.size - offset) / MIN_FRAME);
    if (state === 'lost') return { last, size: segment.size, lost: true };
  }
  return { last, size: segment.size, lost: false };
};
