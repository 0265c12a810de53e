import { type DocumentNode, type GraphQLError, Kind, visit } from 'graphql';
import { AppError } from '../errors.ts';
import { toGraphQLError } from './errors.ts';

/** What a document may hold, whatever it would cost to run. GraphiQL's introspection has 1 alias-free operation, 14 fragments and ~100 fields. */
const LIMITS = { aliases: 30, directives: 30, fields: 400, fragments: 50, operations: 20 } as const;
type Counted = keyof typeof LIMITS;

/** The limits a document breaks, each as an error; asked once for each text. */
export const overDocumentLimits = (document: DocumentNode): GraphQLError[] => {
  const counts: Record<Counted, number> = {
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
  return (Object.keys(LIMITS) as Counted[])
    .filter((what) => counts[what] > LIMITS[what])
    .map((what) => {
      const error = new AppError(
        'LIMIT_EXCEEDED',
        `The document has ${counts[what]} ${what}, at most ${LIMITS[what]} are allowed. Send several smaller requests.`,
        { details: { limit: what, maximum: LIMITS[what], requested: counts[what] } },
      );
      return toGraphQLError(error);
    });
};

/** Values in variables, however deep they lie: databases bind so many and no more. */
const MAX_VALUES = 10_000;

export const overVariableLimit = (
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
    `The variables have more than ${MAX_VALUES} values. Send several smaller requests.`,
    { details: { limit: 'variables', maximum: MAX_VALUES } },
  );
  return toGraphQLError(error);
};
