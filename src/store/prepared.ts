import type { Compilable, CompiledQuery, QueryResult } from 'kysely';
import type { Database } from './database.ts';

type Slot<Name> = { [SLOT]: Name };
const SLOT = Symbol('slot');
const isSlot = (value: unknown): value is Slot<PropertyKey> =>
  typeof value === 'object' && value !== null && SLOT in value;

/**
 * A statement that is built once and then run with other values: building costs more than running in SQLite. `build` gets for each value a
 * stand-in, which it uses as it would use the value.
 */
export const prepare = <Values extends object>(
  names: readonly (keyof Values)[],
  build: (slots: Values) => Compilable,
): ((db: Database, values: Values) => Promise<QueryResult<unknown>>) => {
  const slots = Object.fromEntries(names.map((name) => [name, { [SLOT]: name }])) as Values;
  let query: CompiledQuery | null = null;
  return (db, values) => {
    query ??= build(slots).compile();
    const parameters = query.parameters.map((one) =>
      isSlot(one) ? values[one[SLOT] as keyof Values] : one,
    );
    return db.executeQuery({ ...query, parameters });
  };
};
