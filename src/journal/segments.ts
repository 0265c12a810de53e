import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Followed, newFollowed } from './follow.ts';
import type { JournalItem, JournalRecord } from './journal.ts';
import { decodeRecord, findRecord, MAX_FRAME } from './record.ts';

export const SEGMENT_BYTES = 4 * 1024 * 1024;

/** One file of records, named by the seq of its first. */
export type Segment = { first: number; file: string; size: number };
export type Topic = Followed & {
  dir: string;
  segments: Segment[];
  fd: number | null /** Where a reader that came from disk goes on. */;
  place: { seq: number; segment: Segment; offset: number } | null;
};

const nameOf = (first: number): string => `${String(first).padStart(16, '0')}.seg`;
const ENDED = 'ended';

export const endedAt = (dir: string): number | null => {
  try {
    return Number(readFileSync(join(dir, ENDED), 'utf8'));
  } catch {
    return null;
  }
};
export const markEnded = (topic: Topic, at: number): void =>
  writeFileSync(join(topic.dir, ENDED), String(at));

export const makeTopic = (dir: string): Topic => {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return { ...newFollowed(), dir, segments: [], fd: null, place: null };
};

/** Reads the last segment whole: its tail may be torn by a crash, which only ever costs records nobody was told of. */
export const loadTopic = (dir: string): Topic | null => {
  const names = (() => {
    try {
      return readdirSync(dir)
        .filter((name) => name.endsWith('.seg'))
        .sort();
    } catch {
      return null;
    }
  })();
  if (!names) return null;
  const segments = names.map((name) => ({
    first: Number(name.slice(0, 16)),
    file: join(dir, name),
    size: statSync(join(dir, name)).size,
  }));
  const topic: Topic = {
    ...newFollowed(),
    dir,
    segments,
    fd: null,
    place: null,
    ended: endedAt(dir) !== null,
  };
  topic.first = segments[0]?.first ?? 1;
  const active = segments.at(-1);
  if (active) {
    topic.last = active.first - 1;
    const data = readFileSync(active.file);
    let offset = 0;
    while (offset < data.length) {
      const found = decodeRecord(data, offset);
      if (found === 'bad' || found === 'short') {
        const next = findRecord(data, offset + 1);
        if (next === -1) break;
        offset = next;
        continue;
      }
      topic.last = found.record.seq;
      offset += found.size;
      active.size = offset;
    }
    if (active.size > offset || offset < data.length) truncate(active, offset);
  }
  return topic;
};

const truncate = (segment: Segment, size: number): void => {
  const fd = openSync(segment.file, 'r+');
  ftruncateSync(fd, size);
  closeSync(fd);
  segment.size = size;
};

/** Writes whole frames; the bytes are with the kernel when this returns, so a kill of the process does not lose them. */
export const writeFrames = (topic: Topic, frames: Buffer, firstSeq: number): void => {
  let active = topic.segments.at(-1);
  if (!active || active.size >= SEGMENT_BYTES) {
    closeTopic(topic);
    active = { first: firstSeq, file: join(topic.dir, nameOf(firstSeq)), size: 0 };
    topic.segments.push(active);
  }
  topic.fd ??= openSync(active.file, 'a', 0o600);
  let written = 0;
  while (written < frames.length) written += writeSync(topic.fd, frames, written);
  active.size += frames.length;
};

export const closeTopic = (topic: Topic): void => {
  if (topic.fd !== null) closeSync(topic.fd);
  topic.fd = null;
};

export const trimTopic = (topic: Topic, retainBytes: number): void => {
  let kept = topic.segments.reduce((sum, { size }) => sum + size, 0);
  while (kept > retainBytes && topic.segments.length > 1) {
    const [oldest, next] = topic.segments;
    if (!oldest || !next) return;
    rmSync(oldest.file, { force: true });
    kept -= oldest.size;
    topic.segments.shift();
    topic.first = next.first;
  }
};

/** At least one record, at most about `limit` bytes, from one segment. A hole in the numbers becomes a gap that says so. */
export const readItems = (topic: Topic, after: number, limit: number): JournalItem[] => {
  const index = topic.segments.findLastIndex(({ first }) => first <= after + 1);
  const segment = topic.segments[Math.max(0, index)];
  if (!segment) return gapTo(after, topic.last);
  const following = topic.segments[Math.max(0, index) + 1];
  const lastHere = following ? following.first - 1 : topic.last;
  const known =
    topic.place?.seq === after && topic.place.segment === segment ? topic.place.offset : 0;
  const { data, base } = readPart(segment, known, limit);
  const items: JournalItem[] = [];
  let expected = after + 1;
  let offset = 0;
  let size = 0;
  while (offset < data.length && size < limit) {
    const found = decodeRecord(data, offset);
    if (found === 'short' && base + data.length < segment.size && items.length) break;
    if (found === 'bad' || found === 'short') {
      const whole =
        base + data.length < segment.size ? readPart(segment, base, segment.size).data : data;
      const next = findRecord(whole, offset + 1);
      if (next === -1) {
        offset = data.length;
        break;
      }
      if (next >= data.length) return [...items, ...readAcross(whole, next, expected)];
      offset = next;
      continue;
    }
    const { record } = found;
    offset += found.size;
    if (record.seq < expected) continue;
    if (size > 0 && size + record.bytes.length > limit) {
      offset -= found.size;
      break;
    }
    items.push(...gapTo(expected - 1, record.seq - 1), record);
    expected = record.seq + 1;
    size += record.bytes.length;
  }
  topic.place = { seq: expected - 1, segment, offset: base + offset };
  const exhausted = base + offset >= segment.size;
  return items.length || !exhausted
    ? items.length
      ? items
      : readItemsFrom(topic, after, limit)
    : gapTo(after, lastHere);
};

/** Only records before `after` were in the part that was read: go on behind it. */
const readItemsFrom = (topic: Topic, after: number, limit: number): JournalItem[] => {
  if (topic.place) topic.place.seq = after;
  return readItems(topic, after, limit);
};

const gapTo = (after: number, to: number): JournalItem[] =>
  to > after ? [{ gap: true, from: after + 1, to, reason: 'corrupt' }] : [];

const readAcross = (data: Buffer, offset: number, expected: number): JournalItem[] => {
  const found = decodeRecord(data, offset);
  return typeof found === 'string'
    ? []
    : [...gapTo(expected - 1, found.record.seq - 1), found.record];
};

const readPart = (
  segment: Segment,
  offset: number,
  limit: number,
): { data: Buffer; base: number } => {
  const size = Math.min(segment.size - offset, limit + MAX_FRAME);
  const data = Buffer.allocUnsafe(Math.max(0, size));
  const fd = openSync(segment.file, 'r');
  try {
    const read = readSync(fd, data, 0, data.length, offset);
    return { data: data.subarray(0, read), base: offset };
  } finally {
    closeSync(fd);
  }
};

export const lastOf = (topic: Topic): JournalRecord | null => {
  if (topic.last === 0 || topic.last < topic.first) return null;
  const tail = topic.tail.at(-1);
  if (tail?.seq === topic.last) return tail;
  const item = readItems(topic, topic.last - 1, MAX_FRAME).at(-1);
  return item && !('gap' in item) ? item : null;
};
