import { type DocumentNode, type GraphQLError, Kind, visit } from 'graphql';
import { AppError } from '../errors.ts';
import { toGraphQLError } from './errors.ts';

/** The size of a document, whatever it costs to run. The introspection of GraphiQL has one operation, no aliases, 14 fragments and about 100 fields. */
const LIMITS = { aliases: 30, directives: 30, fields: 400, fragments: 50, operations: 20 } as const;
type Limit = keyof typeof LIMITS;

/** An error for each limit that a document exceeds; called once for each text. */
export const checkDocumentLimits = (document: DocumentNode): GraphQLError[] => {
  const counts: Record<Limit, number> = {
    aliases: 0,
    directives: 0,
    fields: 0,
    fragments: 0,
    operations: 0,
  };
  visit(document, {
    enter(node) {
      if (node.kind === Kind.FIELD) {
        counts.fields += 1;
        if (node.alias) counts.aliases += 1;
      } else if (node.kind === Kind.DIRECTIVE) counts.directives += 1;
      else if (node.kind === Kind.FRAGMENT_DEFINITION || node.kind === Kind.INLINE_FRAGMENT)
        counts.fragments += 1;
      else if (node.kind === Kind.OPERATION_DEFINITION) counts.operations += 1;
    },
  });
  return (Object.keys(LIMITS) as Limit[])
    .filter((limit) => counts[limit] > LIMITS[limit])
    .map((limit) => {
      const error = new AppError(
        'LIMIT_EXCEEDED',
        `The document has ${counts[limit]} ${limit}, but the maximum is ${LIMITS[limit]}. Send several smaller requests.`,
        { details: { limit, maximum: LIMITS[limit], requested: counts[limit] } },
      );
      return toGraphQLError(error);
    });
};

/** The number of values in variables, at any depth: a database statement can bind only so many. */
const MAX_VALUES = 10_000;

export const checkVariableLimit = (
  variables: Record<string, unknown> | undefined,
): GraphQLError | undefined => {
  const rest: unknown[] = [variables];
  let count = 0;
  for (let value = rest.pop(); value !== undefined; value = rest.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    const inner: unknown[] = Array.isArray(value) ? value : Object.values(value);
    count += inner.length;
    if (count > MAX_VALUES) break;
    for (const one of inner) if (typeof one === 'object' && one !== null) rest.push(one);
  }
  if (count <= MAX_VALUES) return undefined;
  const error = new AppError(
    'LIMIT_EXCEEDED',
    `The variables have more than ${MAX_VALUES} values, which is the maximum. Send several smaller requests.`,
    { details: { limit: 'variables', maximum: MAX_VALUES } },
  );
  return toGraphQLError(error);
};
