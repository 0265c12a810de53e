export type IdempotencyRecord = {
  tenant: string;
  /** Which mutation. */
  operation: string;
  key: string;
  /** sha256 of the parameters. */
  fingerprint: string;
  /** Id of what was made; null while the first call is under way. */
  resultId: string | null;
  createdAt: number;
};

export type IdempotencyStore = {
  /** Records the first call and answers null; a later one gets the record of the first. Records older than `notBefore` count as absent. */
  begin(
    record: Omit<IdempotencyRecord, 'resultId'>,
    notBefore: number,
  ): Promise<IdempotencyRecord | null>;
  complete(tenant: string, operation: string, key: string, resultId: string): Promise<void>;
  /** The first call failed before it made anything: the key is free again. */
  forget(tenant: string, operation: string, key: string): Promise<void>;
  /** Removes a batch of those made before; returns how many. */
  purge(before: number, limit: number): Promise<number>;
};
