import { createHash, randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { AppError, notFound } from '../errors.ts';
import { writeWhole } from '../lib/write-whole.ts';
import { checkPlace, follow, forget, remember, wake } from './follow.ts';
import type { Journal, JournalOptions } from './journal.ts';
import { encodeRecords } from './record.ts';
import { lastOf, readItems } from './scan.ts';
import {
  closeTopic,
  endedAt,
  loadTopic,
  makeTopic,
  markEnded,
  sizeOf,
  trimTopic,
  writeFrames,
} from './segments.ts';
import type { Topic } from './topic.ts';

const MAX_OPEN = 256;
const MAX_LOADED = 2_000;

/** Topic names hold tenants' names, which are any text; file names are not. */
const folderOf = (topic: string): string => {
  const plain = topic.isWellFormed()
    ? encodeURIComponent(topic).replace(/[*.~]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
    : '';
  if (plain && plain.length <= 120) return plain;
  return `~${createHash('sha256').update(Buffer.from(topic, 'utf16le')).digest('hex')}`;
};

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
  const topics = new Map<string, Topic>();
  const open = new Set<Topic>();

  const close = (topic: Topic): void => {
    closeTopic(topic);
    open.delete(topic);
  };
  const keepOpen = (topic: Topic): void => {
    open.delete(topic);
    open.add(topic);
    const [oldest] = open;
    if (open.size > MAX_OPEN && oldest) close(oldest);
  };
  /** One that is read must stay: its readers would not hear of what another copy of it appends. */
  const forgetIdle = (): void => {
    for (const [name, topic] of topics) {
      if (topics.size <= MAX_LOADED) return;
      if (topic.readers > 0) continue;
      close(topic);
      topics.delete(name);
    }
  };
  const hold = (name: string, topic: Topic): Topic => {
    if (topics.size > MAX_LOADED + 100) forgetIdle();
    topics.set(name, topic);
    return topic;
  };
  const place = (name: string): [string, number] => {
    const folder = folderOf(name);
    return [join(dir, folder), crc32(folder, seed)];
  };
  const find = (name: string): Topic | null => {
    const known = topics.get(name);
    if (known) return known;
    const topic = loadTopic(...place(name));
    return topic && hold(name, topic);
  };
  const create = (name: string): Topic => find(name) ?? hold(name, makeTopic(...place(name)));

  const journal: Journal = {
    async append(name, records) {
      const topic = create(name);
      if (topic.ended)
        throw new AppError('CONFLICT', 'The stream has ended; nothing can be added.');
      if (records.length === 0) return topic.last;
      const { parts, size, kept } = encodeRecords(records, topic.last + 1, topic.seed);
      writeFrames(topic, parts, size);
      keepOpen(topic);
      remember(topic, kept);
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
      return topic && lastOf(topic);
    },
    async info(name) {
      const topic = find(name);
      if (!topic) return null;
      const { first, last, ended } = topic;
      return { first, last, ended, bytes: sizeOf(topic) };
    },
    async create(name) {
      create(name);
    },
    async end(name) {
      const topic = create(name);
      if (topic.ended) return;
      markEnded(topic, clock());
      topic.ended = true;
      close(topic);
      wake(topic);
    },
    async remove(name) {
      const topic = find(name);
      if (!topic) return;
      close(topic);
      topics.delete(name);
      rmSync(topic.dir, { recursive: true, force: true });
      forget(topic);
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
        close(topic);
        topic.ended = true;
        wake(topic);
      }
      topics.clear();
    },
  };
  return journal;
};
