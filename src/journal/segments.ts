import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../lib/write-whole.ts';
import { newFollowed } from './follow.ts';
import { survey } from './scan.ts';
import type { Segment, Topic } from './topic.ts';

const SEGMENT_BYTES = 4 * 1024 * 1024;

const newSegment = (dir: string, first: number): Segment => ({
  first,
  file: join(dir, `${String(first).padStart(16, '0')}.seg`),
  size: 0,
  marks: [],
});

export const ENDED = 'ended';

/** When the topic in this folder ended, in milliseconds since the epoch; null when it has not. */
const endedAt = (dir: string): number | null => {
  try {
    return Number(readFileSync(join(dir, ENDED), 'utf8'));
  } catch {
    return null;
  }
};

export const markEnded = (topic: Topic, at: number): void =>
  writeWhole(join(topic.dir, ENDED), String(at));

const newTopic = (dir: string, seed: number): Topic => ({
  ...newFollowed(),
  dir,
  seed,
  segments: [],
  fd: null,
  sealed: false,
});

export const makeTopic = (dir: string, seed: number): Topic => {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return newTopic(dir, seed);
};

/** Null when there is no such folder. A tail torn by a crash is cut off: nobody was told of it. */
export const loadTopic = (dir: string, seed: number): Topic | null => {
  const topic = newTopic(dir, seed);
  try {
    for (const name of readdirSync(dir).sort()) {
      if (!name.endsWith('.seg')) continue;
      const segment = newSegment(dir, Number(name.slice(0, 16)));
      topic.segments.push({ ...segment, size: statSync(segment.file).size });
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  topic.ended = endedAt(dir) !== null;
  topic.first = topic.segments[0]?.first ?? 1;
  const newest = topic.segments.at(-1);
  if (!newest) return topic;
  const { last, size, lost } = survey(newest, seed);
  if (size < newest.size) truncateSync(newest.file, size);
  newest.size = size;
  topic.last = last;
  topic.sealed = lost;
  return topic;
};

export const closeTopic = (topic: Topic): void => {
  if (topic.fd !== null) closeSync(topic.fd);
  topic.fd = null;
};

/** All or nothing. The bytes are with the kernel when this returns, so a kill of the process does not lose them. */
export const writeFrames = (topic: Topic, parts: readonly Uint8Array[], size: number): void => {
  let newest = topic.segments.at(-1);
  if (!newest || topic.sealed || newest.size >= SEGMENT_BYTES) {
    closeTopic(topic);
    newest = newSegment(topic.dir, topic.last + 1);
    // Known to readers once there is a file: a full disk may refuse it.
    topic.fd = openSync(newest.file, 'a', 0o600);
    topic.segments.push(newest);
    topic.sealed = false;
  }
  topic.fd ??= openSync(newest.file, 'a', 0o600);
  let written = 0;
  try {
    written = writevSync(topic.fd, parts);
    if (written < size) {
      const all = Buffer.concat(parts);
      while (written < size) written += writeSync(topic.fd, all, written);
    }
  } catch (error) {
    // The disk is full, say: what was written of it must not stand before the next record.
    if (written > 0) ftruncateSync(topic.fd, newest.size);
    throw error;
  }
  newest.size += size;
};

export const sizeOf = (topic: Topic): number =>
  topic.segments.reduce((sum, { size }) => sum + size, 0);

/** Drops the oldest segments beyond `retainBytes`; the newest stays. One that cannot be removed goes at a later time. */
export const trimTopic = (topic: Topic, retainBytes: number): void => {
  let kept = sizeOf(topic);
  while (kept > retainBytes && topic.segments.length > 1) {
    const [oldest] = topic.segments;
    if (!oldest) return;
    try {
      rmSync(oldest.file, { force: true });
    } catch {
      return;
    }
    topic.segments.shift();
    kept -= oldest.size;
    topic.first = topic.segments[0]?.first ?? topic.first;
  }
};
