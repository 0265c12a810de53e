import { randomInt } from 'node:crypto';
import { AppError, notFound } from '../errors.ts';
import {
  checkPlace,
  type Followed,
  follow,
  forget,
  newFollowed,
  remember,
  takeKept,
  wake,
} from './follow.ts';
import type { Journal, JournalOptions } from './journal.ts';
import { encodeRecords, type Kept } from './record.ts';

type Topic = Followed & { kept: Kept[]; bytes: number; endedAt: number };

/** Everything in memory, gone with the process: for tests, and for trying things out. */
export const createMemoryJournal = ({ retainBytes, retainMs, clock }: JournalOptions): Journal => {
  const topics = new Map<string, Topic>();
  const create = (name: string): Topic => {
    const topic = topics.get(name) ?? { ...newFollowed(), kept: [], bytes: 0, endedAt: 0 };
    topics.set(name, topic);
    return topic;
  };
  const trim = (topic: Topic): void => {
    let drop = 0;
    while (topic.bytes > retainBytes && drop < topic.kept.length - 1)
      topic.bytes -= topic.kept[drop++]?.size ?? 0;
    topic.kept.splice(0, drop);
    topic.first = topic.kept[0]?.record.seq ?? topic.first;
  };
  const remove = (name: string): void => {
    const topic = topics.get(name);
    if (!topic) return;
    topics.delete(name);
    topic.kept = [];
    forget(topic);
  };
  return {
    id: `memory-${randomInt(2 ** 32)}`,
    async append(name, records) {
      const topic = create(name);
      if (topic.ended)
        throw new AppError('CONFLICT', 'The stream has ended; nothing can be added.');
      const { kept } = encodeRecords(records, topic.last + 1, 0);
      for (const one of kept) {
        topic.kept.push(one);
        topic.bytes += one.size;
      }
      remember(topic, kept);
      trim(topic);
      wake(topic);
      return topic.last;
    },
    read(name, options) {
      const topic = topics.get(name);
      if (!topic) throw notFound('stream', name);
      checkPlace(topic, options.after);
      return follow(topic, options, (after, limit) =>
        takeKept(topic.kept, after + 1 - topic.first, limit),
      );
    },
    async lastRecord(name) {
      return topics.get(name)?.kept.at(-1)?.record ?? null;
    },
    async info(name) {
      const topic = topics.get(name);
      if (!topic) return null;
      const { first, last, ended, bytes } = topic;
      return { first, last, ended, bytes };
    },
    async create(name) {
      create(name);
    },
    async end(name) {
      const topic = create(name);
      if (topic.ended) return;
      topic.ended = true;
      topic.endedAt = clock();
      wake(topic);
    },
    async remove(name) {
      remove(name);
    },
    async sweep() {
      for (const [name, topic] of topics)
        if (topic.ended && topic.endedAt + retainMs < clock()) remove(name);
    },
    async *unended() {
      for (const [name, topic] of topics) if (!topic.ended) yield name;
    },
    async dispose() {
      for (const topic of topics.values()) {
        topic.ended = true;
        wake(topic);
      }
    },
  };
};
