import { complexityFromQuery } from '@pothos/plugin-complexity';
import {
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
} from 'graphql';
import { AppError } from '../errors.ts';
import type { Operation } from './operation.ts';

type Complexity = { complexity: number; depth: number; breadth: number };

const LIMITS: Complexity = { complexity: 5_000, depth: 15, breadth: 250 };

/** What an operation may cost, by the `complexity` of its fields; asked before anything of it runs. Undefined: it may run. */
export const createComplexityLimit = (schema: GraphQLSchema) => {
  // Without variables an operation costs the same each time.
  const fixed = new WeakMap<OperationDefinitionNode, Complexity>();

  const measure = ({ document, variables, name }: Operation): Complexity | undefined => {
    const node = getOperationAST(document, name);
    if (!node) return undefined;
    const known = fixed.get(node);
    if (known) return known;
    const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
    try {
      const measured = complexityFromQuery(
        { kind: Kind.DOCUMENT, definitions: [node, ...fragments] },
        { schema, variables: variables ?? {} },
      );
      if (!node.variableDefinitions?.length) fixed.set(node, measured);
      return measured;
    } catch {
      // Variables that do not fit: the execution says which, and runs nothing.
      return undefined;
    }
  };

  return (operation: Operation): GraphQLError | undefined => {
    const cost = measure(operation);
    const over = (['complexity', 'depth', 'breadth'] as const).find(
      (name) => cost && cost[name] > LIMITS[name],
    );
    if (!cost || !over) return undefined;
    const error = new AppError(
      'LIMIT_EXCEEDED',
      `The operation is too large: its ${over} is ${cost[over]}, at most ${LIMITS[over]} is allowed. Ask for fewer fields or smaller pages.`,
      { details: { ...cost } },
    );
    return new GraphQLError(error.message, { originalError: error });
  };
};
