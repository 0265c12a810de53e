/** The seam of append-only records: every subscription and every paged read of a stream goes through it. */

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | JsonValue[]
  | { [key: string]: JsonValue };

export type NewRecord = {
  /** When, in milliseconds since the epoch. */
  at: number;
  /** What it is, e.g. `stdout`, `exited`, `sandbox-created`. ASCII, at most 255 bytes. */
  kind: string;
  /** Small facts beside the bytes, at most 64 KiB as JSON. */
  meta: JsonValue;
  /** At most 1 MiB. Given away with the append: whoever changes them afterwards changes what readers see. */
  bytes: Uint8Array;
};

/** `seq` starts at 1 and grows by one in its topic. */
export type JournalRecord = NewRecord & { seq: number };

/** Records `from`…`to` (inclusive) were acknowledged once and can no longer be read. */
export type JournalGap = { gap: true; from: number; to: number; reason: 'corrupt' };

export type JournalItem = JournalRecord | JournalGap;

export type TopicInfo = {
  /** Lowest seq still readable; `last + 1` when nothing is. */
  first: number;
  /** Highest seq ever given; 0 in an empty topic. */
  last: number;
  ended: boolean;
  /** Bytes kept. */
  bytes: number;
};

export type ReadOptions = {
  /** Exclusive; 0 reads from the start. */
  after: number;
  /** Wait for more after the last record, until the topic ends. Default true. */
  follow?: boolean;
  signal?: AbortSignal;
  /** Most bytes in one batch (a single larger record still comes). Default 256 KiB. */
  batchBytes?: number;
};

export type Journal = {
  /** Differs from that of every other journal, and stays the same for as long as this one is kept: numbers of another one mean other records. */
  id: string;
  /**
   * Resolves with the seq of the last record once the records survive a kill of this process (not a power cut).
   * `CONFLICT` when the topic has ended. Concurrent appends to one topic keep the order of their calls.
   */
  append(topic: string, records: readonly NewRecord[]): Promise<number>;
  /**
   * Batches in order, replay then live with no seam, never empty. The consumer pulls: one that stalls costs a cursor, not memory.
   * Ends when the topic ends, `signal` aborts (without an error), or, with `follow: false`, at the last record.
   * Throws at once: `CURSOR_EXPIRED { earliest }` when `after + 1 < first`; `BAD_CURSOR` when `after` is beyond `last`; `NOT_FOUND` when there is no such topic. A reader that falls behind retention meets `CURSOR_EXPIRED` at its next pull.
   */
  read(topic: string, options: ReadOptions): AsyncIterableIterator<JournalItem[]>;
  /** Highest record, from which a writer recovers its place. */
  lastRecord(topic: string): Promise<JournalRecord | null>;
  info(topic: string): Promise<TopicInfo | null>;
  /** Makes an empty topic that can be followed. Nothing when it exists. */
  create(topic: string): Promise<void>;
  /** No more records; followers end after the last one. Idempotent. */
  end(topic: string): Promise<void>;
  remove(topic: string): Promise<void>;
  /** Drops topics long since ended, one after the other. Called again meanwhile, it is the same sweep. */
  sweep(): Promise<void>;
  /** The names of topics that have not ended, for who knows that nothing more will come; very long names may be left out. */
  unended(): AsyncIterable<string>;
  dispose(): Promise<void>;
};

export type JournalOptions = {
  /** Bytes kept per topic, oldest dropped first. Default 64 MiB. */
  retainBytes: number;
  /** How long an ended topic is kept, in milliseconds. Default 24 h. */
  retainMs: number;
  clock: () => number;
};
