import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, notFound } from '../errors.ts';
import { checkPlace, follow, remember, wake } from './follow.ts';
import type { Journal, JournalOptions } from './journal.ts';
import { encodeRecord } from './record.ts';
import {
  closeTopic,
  endedAt,
  lastOf,
  loadTopic,
  makeTopic,
  markEnded,
  readItems,
  type Topic,
  trimTopic,
  writeFrames,
} from './segments.ts';

const MAX_OPEN = 256;
const MAX_LOADED = 2_000;

/** Topic names hold tenants' names, which are any text; file names are not. */
const folderOf = (topic: string): string => {
  const plain = encodeURIComponent(topic).replaceAll('*', '%2A').replaceAll('.', '%2E');
  return plain.length <= 120
    ? plain
    : `${plain.slice(0, 60)}~${createHash('sha256').update(topic).digest('hex')}`;
};

/**
 * Segment files of checked records, one folder per topic. An append has been handed to the kernel when it resolves: it survives a kill of
 * the process, not a power cut. Topics are opened at first touch, so thousands of them do not slow the start.
 */
export const createFileJournal = async ({
  dir,
  retainBytes,
  retainMs,
  clock,
}: JournalOptions & { dir: string }): Promise<Journal> => {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const topics = new Map<string, Topic>();
  const open = new Set<Topic>();

  const forgetIdle = (): void => {
    for (const [name, topic] of topics) {
      if (topics.size <= MAX_LOADED) return;
      if (topic.waiters.size) continue;
      closeTopic(topic);
      open.delete(topic);
      topics.delete(name);
    }
  };
  const find = (name: string): Topic | null => {
    const known = topics.get(name);
    if (known) return known;
    const topic = loadTopic(join(dir, folderOf(name)));
    if (topic) {
      topics.set(name, topic);
      if (topics.size > MAX_LOADED + 100) forgetIdle();
    }
    return topic;
  };
  const create = (name: string): Topic => {
    const known = find(name);
    if (known) return known;
    const topic = makeTopic(join(dir, folderOf(name)));
    topics.set(name, topic);
    return topic;
  };
  const touch = (topic: Topic): void => {
    open.delete(topic);
    open.add(topic);
    const [oldest] = open;
    if (open.size > MAX_OPEN && oldest) {
      closeTopic(oldest);
      open.delete(oldest);
    }
  };

  const journal: Journal = {
    async append(name, records) {
      const topic = create(name);
      if (topic.ended)
        throw new AppError('CONFLICT', 'The stream has ended; nothing can be added.');
      const added = records.map((record, index) => ({ ...record, seq: topic.last + 1 + index }));
      const frames = added.map(encodeRecord);
      writeFrames(
        topic,
        frames.length === 1 && frames[0] ? frames[0] : Buffer.concat(frames),
        topic.last + 1,
      );
      touch(topic);
      for (const record of added) {
        topic.last = record.seq;
        remember(topic, record);
      }
      trimTopic(topic, retainBytes);
      wake(topic);
      return topic.last;
    },
    read(name, options) {
      const topic = find(name);
      if (!topic) throw notFound('stream', name);
      checkPlace(topic, options.after);
      return follow(topic, options, (after, limit) => readItems(topic, after, limit));
    },
    async lastRecord(name) {
      const topic = find(name);
      return topic ? lastOf(topic) : null;
    },
    async info(name) {
      const topic = find(name);
      if (!topic) return null;
      const bytes = topic.segments.reduce((sum, { size }) => sum + size, 0);
      return { first: topic.first, last: topic.last, ended: topic.ended, bytes };
    },
    async create(name) {
      create(name);
    },
    async end(name) {
      const topic = create(name);
      if (topic.ended) return;
      markEnded(topic, clock());
      topic.ended = true;
      closeTopic(topic);
      open.delete(topic);
      wake(topic);
    },
    async remove(name) {
      const topic = find(name);
      if (!topic) return;
      topic.ended = true;
      closeTopic(topic);
      open.delete(topic);
      topics.delete(name);
      rmSync(topic.dir, { recursive: true, force: true });
      wake(topic);
    },
    async sweep() {
      const loaded = new Map([...topics].map(([name, topic]) => [topic.dir, name]));
      for (const folder of readdirSync(dir)) {
        const path = join(dir, folder);
        const ended = endedAt(path);
        if (ended === null || ended + retainMs >= clock()) continue;
        const name = loaded.get(path);
        if (name !== undefined) await journal.remove(name);
        else rmSync(path, { recursive: true, force: true });
      }
    },
    async dispose() {
      for (const topic of topics.values()) {
        closeTopic(topic);
        topic.ended = true;
        wake(topic);
      }
      topics.clear();
    },
  };
  return journal;
};
