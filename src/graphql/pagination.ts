import { AppError } from '../errors.ts';
import type { Page } from '../store/types/page.ts';

export type ConnectionArgs = {
  first?: number | null | undefined;
  last?: number | null | undefined;
  after?: string | null | undefined;
  before?: string | null | undefined;
};

export type Keyed = { key: number; id: string };

type Connection<Row> = {
  edges: { cursor: string; node: Row }[];
  pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    startCursor: string | null;
    endCursor: string | null;
  };
};

const MAX_PAGE = 100;

const encode = ({ key, id }: Keyed): string =>
  Buffer.from(JSON.stringify([key, id])).toString('base64url');

const decode = (cursor: string): Keyed => {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor.slice(0, 500), 'base64url').toString());
    if (Array.isArray(parsed) && parsed.length === 2) {
      const [key, id]: unknown[] = parsed;
      if (typeof key === 'number' && Number.isFinite(key) && typeof id === 'string')
        return { key, id };
    }
  } catch {
    // Falls through to the one answer for every bad cursor.
  }
  throw new AppError(
    'BAD_CURSOR',
    'The page cursor does not belong to this list. Use `pageInfo.endCursor` of an earlier page of the same list.',
  );
};

const size = (args: ConnectionArgs): number => {
  const { first, last } = args;
  if ((first == null) === (last == null)) {
    throw new AppError(
      'INVALID_ARGUMENT',
      `Give exactly one of \`first\` and \`last\`, 1 to ${MAX_PAGE}.`,
    );
  }
  const limit = first ?? last ?? 0;
  if (limit < 1 || limit > MAX_PAGE) {
    throw new AppError(
      'INVALID_ARGUMENT',
      `\`${first == null ? 'last' : 'first'}\` is ${limit}, but must be 1 to ${MAX_PAGE}.`,
    );
  }
  if (first != null ? args.before != null : args.after != null) {
    throw new AppError(
      'INVALID_ARGUMENT',
      'Use `after` only with `first`, and `before` only with `last`.',
    );
  }
  return limit;
};

/**
 * A Relay connection over keyset pages. `fetch` gets one row more than asked for, which tells whether there is a next page;
 * these cursors hold no secret and every fetch names the tenant, so they need no signature.
 */
export const connection = async <Row>(
  args: ConnectionArgs,
  options: {
    newestFirst: boolean;
    key: (row: Row) => Keyed;
    fetch: (page: Page) => Promise<Row[]>;
  },
): Promise<Connection<Row>> => {
  const limit = size(args);
  const backward = args.last != null;
  const from = args.after ?? args.before;
  const rows = await options.fetch({
    limit: limit + 1,
    descending: options.newestFirst !== backward,
    ...(from == null ? {} : { after: decode(from) }),
  });
  const more = rows.length > limit;
  const kept = rows.slice(0, limit);
  if (backward) kept.reverse();
  const edges = kept.map((node) => ({ cursor: encode(options.key(node)), node }));
  return {
    edges,
    pageInfo: {
      hasNextPage: backward ? from != null : more,
      hasPreviousPage: backward ? more : from != null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
};
