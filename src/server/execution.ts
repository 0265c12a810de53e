import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import type { Context } from '../graphql/context.ts';
import { freshContext } from '../graphql/fresh-context.ts';
import { encodeJson, type Json } from '../graphql/json.ts';
import { setBounded } from '../lib/set-bounded.ts';
import { createComplexityLimit } from './complexity.ts';
import type { ErrorMask } from './errors.ts';
import type { Operation } from './operation.ts';
import { createSharedResults } from './shared-results.ts';
import { type Delivery, subscribeFresh } from './subscribe.ts';

const MAX_DOCUMENTS = 500;
const MAX_CACHED_LENGTH = 64 * 1024;
const MAX_TOKENS = 3_000;

export type Execution = {
  /** Parsed (at most 3,000 tokens) and validated, both remembered by text; errors come as they are, unmasked. */
  prepare(text: string): { document: DocumentNode } | { errors: readonly GraphQLError[] };
  parse(text: string): DocumentNode;
  isSubscription(operation: Operation): boolean;
  execute(operation: Operation, context: Context): Promise<ExecutionResult>;
  /** Refusals at the start are one result with errors; after that every event is executed with loaders of its own. */
  subscribe(
    operation: Operation,
    context: Context,
  ): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult>;
  /** The same as JSON, which subscribers of one stream share. */
  subscribeAsText(
    operation: Operation,
    context: Context,
  ): Promise<AsyncIterableIterator<Json> | ExecutionResult>;
};

/** The one way to run a document, whatever brought it. */
export const createExecution = (schema: GraphQLSchema, mask: ErrorMask): Execution => {
  const tooLarge = createComplexityLimit(schema);
  const share = createSharedResults(schema);
  const documents = new Map<
    string,
    { document: DocumentNode } | { errors: readonly GraphQLError[] }
  >();

  const read = (text: string): { document: DocumentNode } | { errors: readonly GraphQLError[] } => {
    try {
      const document = parse(text, { maxTokens: MAX_TOKENS });
      const errors = validate(schema, document, specifiedRules);
      return errors.length ? { errors } : { document };
    } catch (error) {
      return { errors: [error instanceof GraphQLError ? error : new GraphQLError(String(error))] };
    }
  };
  const masked = (result: ExecutionResult, context: Context): ExecutionResult =>
    result.errors
      ? { ...result, errors: result.errors.map((error) => mask(error, context.requestId)) }
      : result;
  const argumentsOf = ({ document, variables, name }: Operation, context: Context) => ({
    schema,
    document,
    contextValue: context,
    ...(variables ? { variableValues: variables } : {}),
    ...(name === undefined ? {} : { operationName: name }),
  });

  const runner =
    (operation: Operation, context: Context) =>
    async (event: unknown): Promise<ExecutionResult> =>
      masked(
        await execute({ ...argumentsOf(operation, freshContext(context)), rootValue: event }),
        context,
      );
  const subscribeWith = async <Out>(
    operation: Operation,
    context: Context,
    delivery: Delivery<Out>,
  ): Promise<AsyncIterableIterator<Out> | ExecutionResult> => {
    const refused = tooLarge(operation);
    if (refused) return masked({ errors: [refused] }, context);
    const result = await subscribeFresh(argumentsOf(operation, context), delivery);
    return Symbol.asyncIterator in result ? result : masked(result, context);
  };

  const execution: Execution = {
    prepare(text) {
      const known = documents.get(text);
      if (known) return known;
      const prepared = read(text);
      if (text.length <= MAX_CACHED_LENGTH) setBounded(documents, text, prepared, MAX_DOCUMENTS);
      return prepared;
    },
    parse: (text) => {
      const prepared = execution.prepare(text);
      return 'document' in prepared ? prepared.document : parse(text, { maxTokens: MAX_TOKENS });
    },
    isSubscription: ({ document, name }) =>
      getOperationAST(document, name)?.operation === 'subscription',
    async execute(operation, context) {
      const refused = tooLarge(operation);
      if (refused) return masked({ errors: [refused] }, context);
      return masked(await execute(argumentsOf(operation, context)), context);
    },
    subscribe: (operation, context) =>
      subscribeWith(operation, context, {
        event: runner(operation, context),
        failure: (errors) => masked({ errors }, context),
      }),
    subscribeAsText: (operation, context) =>
      subscribeWith(operation, context, {
        event: share(operation, runner(operation, context)),
        failure: (errors) => encodeJson(masked({ errors }, context)),
      }),
  };
  return execution;
};
