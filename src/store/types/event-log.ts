export type EventBody = { kind: string; meta: object };
export type NewEvent<Body extends EventBody> = Body & { at: number };
/** `seq` starts at 1 and has no holes within its tenant. */
export type StoredEvent<Body extends EventBody> = NewEvent<Body> & { seq: number };

/** `first`: the lowest seq that is kept, `last + 1` when none is. `last`: the highest seq ever given, 0 when there was none. */
export type EventRange = { first: number; last: number };

/**
 * A journal of rows: events of each tenant in one total order, written in the transaction of the change they tell of. A reader that has
 * seen an event has seen all before it: a later commit never fills in a lower seq.
 */
export type EventLog<Body extends EventBody> = {
  /** In a transaction of its own. What belongs to a row is written by the method that changes the row. */
  append(tenant: string, events: readonly NewEvent<Body>[]): Promise<void>;
  /** In order. `CURSOR_EXPIRED { earliest }` (a seq to read after) when events behind `seq` were purged; `BAD_CURSOR` when `seq` was never given. */
  after(tenant: string, seq: number, limit: number): Promise<StoredEvent<Body>[]>;
  range(tenant: string): Promise<EventRange>;
  /** The highest seq of each of these tenants that has one. */
  latest(tenants: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Called after each commit of this store object that appended. Commits of other servers are found by `latest`. */
  onAppended(listener: (tenant: string) => void): () => void;
  /** Removes a batch of those older than `before`, oldest first; returns how many. */
  purge(before: number, limit: number): Promise<number>;
};
