import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely';
import { AppError } from '../errors.ts';
import type { Tables } from './database.ts';
import type { Page } from './types/page.ts';
import { everyTenant, type TenantScope } from './types/scope.ts';

/** Also in what is stored as JSON: keys and values, however deep. */
const isStorable = (value: unknown): boolean => {
  if (typeof value === 'string') return !value.includes('\0') && value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, inner]) => isStorable(key) && isStorable(inner));
};

/** PostgreSQL stores no NUL in text and SQLite would: both refuse it alike. A lone surrogate is no text either. */
export const refuseNul = (row: object): void => {
  for (const [field, value] of Object.entries(row))
    if (!isStorable(value))
      throw new AppError(
        'INVALID_ARGUMENT',
        `${field} must not contain NUL or half of a surrogate pair.`,
      );
};

/** Rows of one tenant, or of all where that was said. */
export const inScope = <Table extends 'sandboxes' | 'processes', Out>(
  query: SelectQueryBuilder<Tables, Table, Out>,
  tenant: TenantScope,
): SelectQueryBuilder<Tables, Table, Out> =>
  tenant === everyTenant ? query : query.where('tenant' as never, '=', tenant as never);

/** `column in (values)` also for a list that is empty, which SQL does not know: nothing is in it. */
export const oneOf = (column: string, values: readonly string[]): RawBuilder<boolean> =>
  values.length === 0
    ? sql<boolean>`1 = 0`
    : sql<boolean>`${sql.ref(column)} in (${sql.join([...values])})`;

export const inOrder = <Row extends { id: string }>(
  ids: readonly string[],
  rows: readonly Row[],
): (Row | null)[] => {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id) ?? null);
};

/** Keyset paging: equal keys are told apart by id, so no row is skipped or repeated while others come and go. */
export const afterPage = <Table extends 'sandboxes' | 'processes', Out>(
  query: SelectQueryBuilder<Tables, Table, Out>,
  table: Table,
  key: 'createdAt' | 'expiresAt' | 'startedAt',
  { limit, after, descending }: Page,
) => {
  const { ref } = { ref: (name: string) => `${table}.${name}` as never };
  const order = descending ? 'desc' : 'asc';
  let found = query;
  if (after) {
    const beyond = descending ? '<' : '>';
    found = found.where((eb) =>
      eb.or([
        eb(ref(key), beyond, after.key as never),
        eb.and([eb(ref(key), '=', after.key as never), eb(ref('id'), beyond, after.id as never)]),
      ]),
    );
  }
  return found.orderBy(ref(key), order).orderBy(ref('id'), order).limit(limit);
};
