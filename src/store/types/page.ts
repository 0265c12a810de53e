/** Keyset paging: rows after `after` in the order given by (`orderBy`, id). */
export type Page = {
  limit: number;
  after?: { key: number; id: string };
  /** Newest first when true. */
  descending: boolean;
};
