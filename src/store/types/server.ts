/** One server process of the deployment; the row outlives it. Times are by the database's clock. */
export type ServerRow = {
  id: string;
  /** The machine, for sandboxes that are bound to one. */
  host: string;
  /** Tells the state directory from copies of it. */
  stateDir: string;
  /** Tells the database from copies of it, as it was at the last start. */
  database: string;
  /** How often this server has started. */
  epoch: number;
  /** How clients reach it; null until it listens. */
  address: string | null;
  /** Why it may be a copy of another server, and therefore acts on nothing but its own; null when it acts on everything. */
  doubt: string | null;
  /** The server that its state directory belonged to when it was found to be a copy. Its rows come here once the doubt is removed. */
  predecessor: string | null;
  startedAt: number;
  heartbeatAt: number;
  /** Until then nobody else may act on its rows. */
  leaseUntil: number;
};

export type Deployment = {
  /** Random, made with the database. */
  id: string;
  /** Tells the database from copies of it: as recorded, and as it is. */
  database: string;
  actual: string;
};

/** What is asked with each heartbeat. */
export type Heartbeat = { id: string; epoch: number; leaseMs: number; address: string | null };

export type ServerStore = {
  deployment(): Promise<Deployment>;
  find(id: string): Promise<ServerRow | null>;
  /** `isAlive`: its lease is not over; `silentMs`: since its last heartbeat. */
  list(): Promise<(ServerRow & { isAlive: boolean; silentMs: number })[]>;
  /** Writes the row of a start, if the one before it had epoch `after` (null: there was none). */
  register(
    row: Pick<
      ServerRow,
      'id' | 'host' | 'stateDir' | 'database' | 'epoch' | 'doubt' | 'predecessor'
    >,
    after: number | null,
    leaseMs: number,
  ): Promise<boolean>;
  /** The row with its new lease; null when another start has taken the row, or the row or the database is no longer the one it registered in. */
  renew(heartbeat: Heartbeat): Promise<ServerRow | null>;
  /** The end of an orderly stop: it is at no address. Its lease goes on, so that a restart finds its sandboxes before others take them. */
  leave(id: string, epoch: number): Promise<void>;
  /** An operator says that this server, with this database, is no copy. */
  confirm(id: string): Promise<void>;
};
