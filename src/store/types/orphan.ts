/** A sandbox at a vendor that bears this deployment's label and that no row tells of. */
export type Orphan = {
  provider: string;
  ref: string;
  /** Sandbank's id, from the label. */
  id: string;
  /** The server that has seen it last. */
  server: string;
  foundAt: number;
  /** Since when an operator wants it removed; null while nobody does. */
  removeAt: number | null;
};

export type OrphanStore = {
  list(): Promise<Orphan[]>;
  /** What a server has found at one provider now: new ones are added, what it found before and is gone now is left out. */
  found(
    server: string,
    provider: string,
    orphans: readonly Pick<Orphan, 'ref' | 'id' | 'foundAt'>[],
  ): Promise<void>;
  /** Marks these refs, or all when null, for removal; returns how many. */
  remove(refs: readonly string[] | null, at: number): Promise<number>;
};
