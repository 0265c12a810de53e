import { AppError, notFound } from '../errors.ts';
import { checkPlace, type Followed, follow, newFollowed, remember, wake } from './follow.ts';
import type { Journal, JournalOptions, JournalRecord } from './journal.ts';
import { encodeRecord } from './record.ts';

type Topic = Followed & { records: JournalRecord[]; bytes: number; endedAt: number };

/** Everything in memory, gone with the process: for tests, and for trying things out. */
export const createMemoryJournal = ({ retainBytes, retainMs, clock }: JournalOptions): Journal => {
  const topics = new Map<string, Topic>();
  const create = (name: string): Topic => {
    const topic = topics.get(name) ?? { ...newFollowed(), records: [], bytes: 0, endedAt: 0 };
    topics.set(name, topic);
    return topic;
  };
  const trim = (topic: Topic): void => {
    while (topic.bytes > retainBytes && topic.records.length > 1) {
      topic.bytes -= topic.records.shift()?.bytes.length ?? 0;
      topic.first = topic.records[0]?.seq ?? topic.last + 1;
    }
  };
  return {
    async append(name, records) {
      const topic = create(name);
      if (topic.ended)
        throw new AppError('CONFLICT', 'The stream has ended; nothing can be added.');
      const added = records.map((record, index) => ({
        ...record,
        bytes: Uint8Array.from(record.bytes),
        seq: topic.last + 1 + index,
      }));
      added.forEach(encodeRecord);
      for (const record of added) {
        topic.last = record.seq;
        topic.records.push(record);
        topic.bytes += record.bytes.length;
        remember(topic, record);
      }
      trim(topic);
      wake(topic);
      return topic.last;
    },
    read(name, options) {
      const topic = topics.get(name);
      if (!topic) throw notFound('stream', name);
      checkPlace(topic, options.after);
      return follow(topic, options, (after, limit) => {
        const start = topic.records.findIndex(({ seq }) => seq > after);
        const items = topic.records.slice(start, start + 1);
        let size = items[0]?.bytes.length ?? 0;
        for (const record of topic.records.slice(start + 1)) {
          size += record.bytes.length;
          if (size > limit) break;
          items.push(record);
        }
        return items;
      });
    },
    async lastRecord(name) {
      return topics.get(name)?.records.at(-1) ?? null;
    },
    async info(name) {
      const topic = topics.get(name);
      return topic
        ? { first: topic.first, last: topic.last, ended: topic.ended, bytes: topic.bytes }
        : null;
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
      const topic = topics.get(name);
      if (!topic) return;
      topics.delete(name);
      topic.ended = true;
      wake(topic);
    },
    async sweep() {
      for (const [name, topic] of topics)
        if (topic.ended && topic.endedAt + retainMs < clock()) topics.delete(name);
    },
    async dispose() {
      topics.forEach((topic) => {
        topic.ended = true;
        wake(topic);
      });
    },
  };
};
