import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { closeTopic, loadTopic, makeTopic } from './segments.ts';
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

export type LoadedTopics = {
  /** Loaded at first touch; null when there is none. */
  find(name: string): Topic | null;
  findOrMake(name: string): Topic;
  /** Its file was written to: of these the ones that were written last stay open. */
  keepOpen(topic: Topic): void;
  /** Closes its file. */
  close(topic: Topic): void;
  /** Closes its file and forgets it; what is on disk stays. */
  unload(name: string, topic: Topic): void;
  all(): IterableIterator<[string, Topic]>;
  clear(): void;
};

/** The topics of a folder that are in memory, and those of them that have an open file: some of each, however many there are on disk. */
export const createLoadedTopics = (dir: string, seed: number): LoadedTopics => {
  const topics = new Map<string, Topic>();
  const open = new Set<Topic>();

  const close = (topic: Topic): void => {
    closeTopic(topic);
    open.delete(topic);
  };
  const unload = (name: string, topic: Topic): void => {
    close(topic);
    topics.delete(name);
  };
  /** One that is read must stay: its readers would not hear of what another copy of it appends. */
  const unloadIdle = (): void => {
    for (const [name, topic] of topics) {
      if (topics.size <= MAX_LOADED) return;
      if (topic.readers === 0) unload(name, topic);
    }
  };
  const hold = (name: string, topic: Topic): Topic => {
    if (topics.size > MAX_LOADED + 100) unloadIdle();
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

  return {
    find,
    findOrMake: (name) => find(name) ?? hold(name, makeTopic(...place(name))),
    keepOpen(topic) {
      open.delete(topic);
      open.add(topic);
      const [oldest] = open;
      if (open.size > MAX_OPEN && oldest) close(oldest);
    },
    close,
    unload,
    all: () => topics.entries(),
    clear: () => topics.clear(),
  };
};
