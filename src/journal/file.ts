import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, notFound } from '../errors.ts';
import { writeWhole } from '../lib/write-whole.ts';
import { withDiskErrors } from './disk-errors.ts';
import { checkPlace, follow, forget, remember, wake } from './follow.ts';
import type { Journal, JournalOptions } from './journal.ts';
import { createLoadedTopics } from './loaded-topics.ts';
import { encodeRecords } from './record.ts';
import { lastOf, readItems } from './scan.ts';
import { markEnded, sizeOf, trimTopic, writeFrames } from './segments.ts';
import { sweepFolders, unendedIn } from './sweep.ts';

const readSeed = (dir: string): number => {
  const file = join(dir, '.seed');
  if (!existsSync(file)) writeWhole(file, String(randomInt(2 ** 32)));
  return Number(readFileSync(file, 'utf8')) >>> 0;
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
  const seed = readSeed(dir);
  const topics = createLoadedTopics(dir, seed);
  let sweeping: Promise<void> | null = null;
  let isDisposed = false;
  const unload = (path: string): void => {
    for (const [name, topic] of topics.all())
      if (topic.dir === path) {
        topics.unload(name, topic);
        forget(topic);
      }
  };

  const journal: Journal = {
    id: String(seed),
    append: (name, records) =>
      withDiskErrors(() => {
        const topic = topics.findOrMake(name);
        if (topic.ended)
          throw new AppError('CONFLICT', 'The stream has ended; nothing can be added.');
        if (records.length === 0) return topic.last;
        const { parts, size, kept } = encodeRecords(records, topic.last + 1, topic.seed);
        writeFrames(topic, parts, size);
        topics.keepOpen(topic);
        remember(topic, kept);
        trimTopic(topic, retainBytes);
        wake(topic);
        return topic.last;
      }),
    read(name, options) {
      const topic = topics.find(name);
      if (!topic) throw notFound('stream', name);
      checkPlace(topic, options.after);
      return follow(topic, options, (after, limit) => readItems(topic, after, limit));
    },
    lastRecord: (name) =>
      withDiskErrors(() => {
        const topic = topics.find(name);
        return topic && lastOf(topic);
      }),
    async info(name) {
      const topic = topics.find(name);
      if (!topic) return null;
      const { first, last, ended } = topic;
      return { first, last, ended, bytes: sizeOf(topic) };
    },
    create: (name) => withDiskErrors(() => void topics.findOrMake(name)),
    end: (name) =>
      withDiskErrors(() => {
        const topic = topics.findOrMake(name);
        if (topic.ended) return;
        markEnded(topic, clock());
        topic.ended = true;
        topics.close(topic);
        wake(topic);
      }),
    async remove(name) {
      const topic = topics.find(name);
      if (!topic) return;
      topics.unload(name, topic);
      rmSync(topic.dir, { recursive: true, force: true });
      forget(topic);
    },
    sweep() {
      sweeping ??= sweepFolders({
        dir,
        before: () => clock() - retainMs,
        unload,
        isStopped: () => isDisposed,
      }).finally(() => {
        sweeping = null;
      });
      return sweeping;
    },
    unended: () => unendedIn(dir),
    async dispose() {
      isDisposed = true;
      for (const [, topic] of topics.all()) {
        topics.close(topic);
        topic.ended = true;
        wake(topic);
      }
      topics.clear();
    },
  };
  return journal;
};
