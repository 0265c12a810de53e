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
import { AppError } from '../errors.ts';
import type { Context } from '../graphql/context.ts';
import { freshContext } from '../graphql/fresh-context.ts';
import { encodeJson, type Json } from '../graphql/json.ts';
import type { RateLimits } from '../limits/rate-limits.ts';
import type { Authenticator } from './authenticator.ts';
import { createComplexityLimit } from './complexity.ts';
import { overVariableLimit } from './document-limits.ts';
import { createDocuments } from './documents.ts';
import { type ErrorMask, toGraphQLError } from './errors.ts';
import { createLimitedCallers } from './limited-callers.ts';
import type { Operation } from './operation.ts';
import { createSharedResults } from './shared-results.ts';
import { type Delivery, subscribeFresh } from './subscribe.ts';
import type { SubscriptionPlaces } from './subscription-places.ts';

export type Execution = {
  /** Why nothing of this caller is even looked at; null: it may be. */
  refusal(principal: Principal | null): AppError | null;
  /** Parsed and validated for this caller; errors come as they are, unmasked. */
  prepare(
    text: string,
    context: Context,
  ): { document: DocumentNode } | { errors: readonly GraphQLError[] };
  parse(text: string): DocumentNode;
  validate(document: DocumentNode, context: Context): readonly GraphQLError[];
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

export type ExecutionOptions = {
  schema: GraphQLSchema;
  mask: ErrorMask;
  rates: RateLimits;
  sessions: Sessions;
  places: SubscriptionPlaces;
  authenticator: Authenticator;
  audit: AuditLog;
  /** The schema is for those only whose role may read it. */
  hidesSchema: boolean;
};

/** The one way to run a document, whatever brought it. */
export const createExecution = ({
  schema,
  mask,
  rates,
  sessions,
  places,
  authenticator,
  audit,
  hidesSchema,
}: ExecutionOptions): Execution => {
  const measure = createComplexityLimit(schema);
  const share = createSharedResults(schema);
  const documents = createDocuments(schema);
  const noteLimited = createLimitedCallers(audit);
  const isHidden = ({ principal }: Context): boolean =>
    hidesSchema && !(principal && may(principal, 'schema:read'));

  const masked = (result: ExecutionResult, context: Context): ExecutionResult =>
    result.errors
      ? { ...result, errors: result.errors.map((error) => mask(error, context.requestId)) }
      : result;
  const argumentsOf = ({ document, variables, name }: Operation, context: Context) => ({
    schema,
    document,
    contextValue: context,
    hideSuggestions: isHidden(context),
    ...(variables ? { variableValues: variables } : {}),
    ...(name === undefined ? {} : { operationName: name }),
  });

  /** What the operation costs is known, allowed and paid for; an error otherwise, and nothing may run. */
  const admit = async (operation: Operation, context: Context): Promise<GraphQLError | null> => {
    const { cost, error = overVariableLimit(operation.variables) } = measure(operation);
    if (error) return error;
    context.cost = cost;
    const { principal } = context;
    if (principal && rates.isLimited(principal, 'reads')) {
      try {
        await rates.consume(principal, 'reads', Math.max(1, cost));
      } catch (refusal) {
        if (refusal instanceof AppError) noteLimited(principal, refusal);
        return toGraphQLError(refusal);
      }
    }
    return null;
  };
  const withCost = async (result: ExecutionResult, context: Context): Promise<ExecutionResult> => {
    const { principal, cost } = context;
    if (!principal || !rates.isLimited(principal, 'reads'))
      return { ...result, extensions: { cost: { requested: cost } } };
    const { limit, remaining, resetAt } = await rates.state(principal, 'reads');
    const at = resetAt === null ? null : new Date(resetAt).toISOString();
    return {
      ...result,
      extensions: { cost: { requested: cost, limit, remaining, resetAt: at } },
    };
  };
  /** Without a token nothing is answered; who asks all the same is written down, and after a while not even answered. */
  const turnAway = async (
    result: ExecutionResult,
    { principal, requestId, address }: Context,
  ): Promise<ExecutionResult> => {
    const refused = result.errors?.find(
      ({ originalError }) =>
        originalError instanceof AppError && originalError.code === 'UNAUTHENTICATED',
    );
    if (principal || !refused) return result;
    const limited = await authenticator.rejectAnonymous(
      String(refused.path?.[0] ?? ''),
      requestId,
      address,
    );
    return limited ? { errors: [toGraphQLError(limited)] } : result;
  };

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
    const refused = await admit(operation, context);
    if (refused) return masked({ errors: [refused] }, context);
    let release = (): void => undefined;
    try {
      if (context.principal) release = places.take(context.principal.tenant);
      const args = argumentsOf(operation, context);
      const result = await subscribeFresh(args, delivery, sessions, release);
      if (Symbol.asyncIterator in result) return result;
      release();
      return masked(await turnAway(result, context), context);
    } catch (error) {
      release();
      return masked({ errors: [toGraphQLError(error)] }, context);
    }
  };

  const execution: Execution = {
    refusal(principal) {
      const error = principal && rates.exhausted(principal, 'reads');
      if (principal && error) noteLimited(principal, error);
      return error;
    },
    prepare: (text, context) => documents.prepare(text, isHidden(context)),
    parse: documents.parse,
    validate: (document, context) => documents.validate(document, isHidden(context)),
    isSubscription: ({ document, name }) =>
      getOperationAST(document, name)?.operation === 'subscription',
    async execute(operation, context) {
      const refused = await admit(operation, context);
      if (refused) return masked({ errors: [refused] }, context);
      const result = await execute(argumentsOf(operation, context));
      const answered = masked(await turnAway(result, context), context);
      return 'data' in answered ? withCost(answered, context) : answered;
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
