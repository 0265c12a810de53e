import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
} from 'graphql';
import type { AuditLog } from '../audit/log.ts';
import type { Principal } from '../authentication/principal.ts';
import type { Sessions } from '../authentication/sessions.ts';
import { may } from '../authorization/rights.ts';
import type { AppError } from '../errors.ts';
import type { Context } from '../graphql/context.ts';
import { freshContext } from '../graphql/fresh-context.ts';
import { encodeJson, type Json } from '../graphql/json.ts';
import type { RateLimits } from '../limits/rate-limits.ts';
import {
  type Admission,
  admit,
  checkRateLimit,
  rejectUnauthenticated,
  withCost,
} from './admission.ts';
import type { Authenticator } from './authenticator.ts';
import { createComplexityLimit } from './complexity.ts';
import { createDocuments, type Documents } from './documents.ts';
import { type FormatError, toGraphQLError } from './errors.ts';
import type { Operation } from './operation.ts';
import { createRateLimitAudit } from './rate-limit-audit.ts';
import { createSharedResults } from './shared-results.ts';
import { type Delivery, openSubscription } from './subscribe.ts';
import type { SubscriptionSlots } from './subscription-slots.ts';

export type Execution = {
  /** Why nothing of this caller's request is read at all; null when it is. */
  checkRateLimit(principal: Principal | null): AppError | null;
  /** Parsed and validated for this caller; errors are not formatted yet. */
  prepare(
    text: string,
    context: Context,
  ): { document: DocumentNode } | { errors: readonly GraphQLError[] };
  parse(text: string): DocumentNode;
  validate(document: DocumentNode, context: Context): readonly GraphQLError[];
  isSubscription(operation: Operation): boolean;
  execute(operation: Operation, context: Context): Promise<ExecutionResult>;
  /** A refusal at the start is one result with errors; after that every event is executed with fresh loaders. */
  subscribe(
    operation: Operation,
    context: Context,
  ): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult>;
  /** The same as JSON, which subscribers of one stream share. */
  subscribeAsJson(
    operation: Operation,
    context: Context,
  ): Promise<AsyncIterableIterator<Json> | ExecutionResult>;
};

export type ExecutionOptions = {
  schema: GraphQLSchema;
  formatError: FormatError;
  rates: RateLimits;
  sessions: Sessions;
  subscriptionSlots: SubscriptionSlots;
  authenticator: Authenticator;
  audit: AuditLog;
  /** Only roles with the permission `schema:read` may see the schema. */
  hidesSchema: boolean;
};

type Executor = ExecutionOptions & {
  admission: Admission;
  documents: Documents;
};

const isSchemaHidden = (x: Executor, { principal }: Context): boolean =>
  x.hidesSchema && !(principal && may(principal, 'schema:read'));

const formatErrors = (x: Executor, result: ExecutionResult, context: Context): ExecutionResult =>
  result.errors
    ? { ...result, errors: result.errors.map((error) => x.formatError(error, context.requestId)) }
    : result;

const argumentsOf = (
  x: Executor,
  { document, variables, name }: Operation,
  contextValue: Context,
) => ({
  schema: x.schema,
  document,
  contextValue,
  hideSuggestions: isSchemaHidden(x, contextValue),
  ...(variables ? { variableValues: variables } : {}),
  ...(name === undefined ? {} : { operationName: name }),
});

const executeOperation = async (
  x: Executor,
  operation: Operation,
  context: Context,
): Promise<ExecutionResult> => {
  const refused = await admit(x.admission, operation, context);
  if (refused) return formatErrors(x, { errors: [refused] }, context);
  const executed = await execute(argumentsOf(x, operation, context));
  const result = formatErrors(
    x,
    await rejectUnauthenticated(x.admission, executed, context),
    context,
  );
  return 'data' in result ? withCost(x.admission, result, context) : result;
};

/** Executes one event of a subscription. */
const eventExecutor =
  (x: Executor, operation: Operation, context: Context) =>
  async (event: unknown): Promise<ExecutionResult> => {
    const args = argumentsOf(x, operation, freshContext(context));
    return formatErrors(x, await execute({ ...args, rootValue: event }), context);
  };

const subscribeWith = async <Out>(
  x: Executor,
  operation: Operation,
  context: Context,
  delivery: Delivery<Out>,
): Promise<AsyncIterableIterator<Out> | ExecutionResult> => {
  const refused = await admit(x.admission, operation, context);
  if (refused) return formatErrors(x, { errors: [refused] }, context);
  let release = (): void => undefined;
  try {
    if (context.principal) release = x.subscriptionSlots.acquire(context.principal.tenant);
    const args = argumentsOf(x, operation, context);
    const result = await openSubscription(args, delivery, x.sessions, release);
    if (Symbol.asyncIterator in result) return result;
    release();
    return formatErrors(x, await rejectUnauthenticated(x.admission, result, context), context);
  } catch (error) {
    release();
    return formatErrors(x, { errors: [toGraphQLError(error)] }, context);
  }
};

/** Every transport runs its documents through this. */
export const createExecution = (options: ExecutionOptions): Execution => {
  const { schema, rates, authenticator } = options;
  const admission: Admission = {
    measure: createComplexityLimit(schema),
    rates,
    recordRateLimited: createRateLimitAudit(options.audit),
    authenticator,
  };
  const x: Executor = { ...options, admission, documents: createDocuments(schema) };
  const shareResults = createSharedResults(schema);
  return {
    checkRateLimit: (principal) => checkRateLimit(admission, principal),
    prepare: (text, context) => x.documents.prepare(text, isSchemaHidden(x, context)),
    parse: x.documents.parse,
    validate: (document, context) => x.documents.validate(document, isSchemaHidden(x, context)),
    isSubscription: ({ document, name }) =>
      getOperationAST(document, name)?.operation === 'subscription',
    execute: (operation, context) => executeOperation(x, operation, context),
    subscribe: (operation, context) =>
      subscribeWith(x, operation, context, {
        event: eventExecutor(x, operation, context),
        failure: (errors) => formatErrors(x, { errors }, context),
      }),
    subscribeAsJson: (operation, context) =>
      subscribeWith(x, operation, context, {
        event: shareResults(operation, eventExecutor(x, operation, context)),
        failure: (errors) => encodeJson(formatErrors(x, { errors }, context)),
      }),
  };
};
