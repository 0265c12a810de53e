import { type DocumentNode, type ExecutionResult, GraphQLError, type GraphQLSchema } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import type { Context } from '../graphql/context.ts';
import { type FormatError, refusedStatus } from './errors.ts';
import type { Execution } from './execution.ts';
import type { Operation } from './operation.ts';

export type YogaContext = { sandbank: Context };

/** Yoga answers with the status that an error asks for, and removes the request for it again. */
const withStatus = (result: ExecutionResult): ExecutionResult => {
  const http = refusedStatus(result);
  const [first, ...others] = result.errors ?? [];
  if (!http || !first) return result;
  const error = new GraphQLError(first.message, { extensions: { ...first.extensions, http } });
  return { ...result, errors: [error, ...others] };
};

type YogaArguments = {
  document: DocumentNode;
  variableValues?: Operation['variables'] | null;
  operationName?: string | null;
  contextValue?: unknown;
};

const operationOf = ({ document, variableValues, operationName }: YogaArguments): Operation => ({
  document,
  variables: variableValues ?? undefined,
  name: operationName ?? undefined,
});
const contextOf = ({ contextValue }: YogaArguments): Context => contextValue as Context;

/** Lets Yoga parse, validate, execute and subscribe as every other transport does. */
const executeBy = (execution: Execution): Plugin<YogaContext> => ({
  onValidate: ({ context, setValidationFn }) =>
    setValidationFn((_schema, document) =>
      execution.validate(document as DocumentNode, (context as unknown as YogaContext).sandbank),
    ),
  onParse: ({ setParseFn }) =>
    setParseFn((source: string | { body: string }) =>
      execution.parse(typeof source === 'string' ? source : source.body),
    ),
  onExecute: ({ setExecuteFn }) =>
    setExecuteFn(async (args) =>
      withStatus(await execution.execute(operationOf(args), contextOf(args))),
    ),
  onSubscribe: ({ setSubscribeFn }) =>
    setSubscribeFn(async (args) => {
      const events = await execution.subscribe(operationOf(args), contextOf(args));
      return Symbol.asyncIterator in events ? events : withStatus(events);
    }),
});

/** GraphQL over HTTP to the letter, with event streams. */
export const createYogaServer = (
  schema: GraphQLSchema,
  execution: Execution,
  formatError: FormatError,
) =>
  createYoga<YogaContext>({
    schema,
    graphqlEndpoint: '/graphql',
    graphiql: false,
    landingPage: false,
    batching: false,
    // What is valid depends on the caller, which Yoga's cache does not know.
    parserAndValidationCache: false,
    logging: false,
    maxRequestBodySize: false,
    cors: false,
    context: ({ sandbank }) => sandbank as never,
    // Errors of Yoga's own (a request that is not GraphQL's) have no request id; it is in the header of the answer.
    maskedErrors: { maskError: (error) => formatError(error) },
    plugins: [executeBy(execution)],
  });
