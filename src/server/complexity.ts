import { complexityFromQuery } from '@pothos/plugin-complexity';
import {
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
} from 'graphql';
import { AppError } from '../errors.ts';
import { toGraphQLError } from './errors.ts';
import type { Operation } from './operation.ts';

type Complexity = { complexity: number; depth: number; breadth: number };

const LIMITS: Complexity = { complexity: 5_000, depth: 15, breadth: 250 };

/** What an operation may cost, by the `complexity` of its fields; asked before anything of it runs. */
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

  return (operation: Operation): { cost: number; error?: GraphQLError } => {
    const size = measure(operation);
    if (!size) return { cost: 0 };
    const over = (['complexity', 'depth', 'breadth'] as const).find(
      (name) => size[name] > LIMITS[name],
    );
    if (!over) return { cost: size.complexity };
    const error = new AppError(
      'LIMIT_EXCEEDED',
      `The operation is too large: its ${over} is ${size[over]}, at most ${LIMITS[over]} is allowed. Ask for fewer fields or smaller pages.`,
      { details: { ...size, limit: over, maximum: LIMITS[over] } },
    );
    return {
      cost: size.complexity,
      error: toGraphQLError(error),
    };
  };
};
