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

export type MeasureOperation = (operation: Operation) => { cost: number; error?: GraphQLError };

const exceeds = (size: Complexity): GraphQLError | undefined => {
  const limit = (['complexity', 'depth', 'breadth'] as const).find(
    (name) => size[name] > LIMITS[name],
  );
  return (
    limit &&
    toGraphQLError(
      new AppError(
        'LIMIT_EXCEEDED',
        `The ${limit} of the operation is ${size[limit]}, but the maximum is ${LIMITS[limit]}. Request fewer fields or smaller pages.`,
        { details: { ...size, limit, maximum: LIMITS[limit] } },
      ),
    )
  );
};

/** What an operation costs, by the `complexity` of its fields, measured before any of it runs. */
export const createComplexityLimit = (schema: GraphQLSchema): MeasureOperation => {
  // An operation without variables always costs the same.
  const constant = new WeakMap<OperationDefinitionNode, Complexity>();

  const measure = ({ document, variables, name }: Operation): Complexity | undefined => {
    const node = getOperationAST(document, name);
    if (!node) return undefined;
    const known = constant.get(node);
    if (known) return known;
    const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
    try {
      const measured = complexityFromQuery(
        { kind: Kind.DOCUMENT, definitions: [node, ...fragments] },
        { schema, variables: variables ?? {} },
      );
      if (!node.variableDefinitions?.length) constant.set(node, measured);
      return measured;
    } catch {
      // The variables do not match their types: the execution reports which, and runs nothing.
      return undefined;
    }
  };

  return (operation) => {
    const size = measure(operation);
    if (!size) return { cost: 0 };
    const error = exceeds(size);
    return { cost: size.complexity, ...(error ? { error } : {}) };
  };
};
