import type { ExecutionResult, GraphQLError } from 'graphql';
import type { Principal } from '../authentication/principal.ts';
import { AppError } from '../errors.ts';
import type { Context } from '../graphql/context.ts';
import type { RateLimits } from '../limits/rate-limits.ts';
import type { Authenticator } from './authenticator.ts';
import type { MeasureOperation } from './complexity.ts';
import { checkVariableLimit } from './document-limits.ts';
import { toGraphQLError } from './errors.ts';
import type { Operation } from './operation.ts';
import type { RecordRateLimited } from './rate-limit-audit.ts';

/** What decides whether an operation may run, and tells its caller what it cost. */
export type Admission = {
  measure: MeasureOperation;
  rates: RateLimits;
  recordRateLimited: RecordRateLimited;
  authenticator: Authenticator;
};

/** `RATE_LIMITED` for a caller without a single point left, before anything of the request is read; null when it may go on. */
export const checkRateLimit = (x: Admission, principal: Principal | null): AppError | null => {
  const error = principal && x.rates.exhausted(principal, 'reads');
  if (principal && error) x.recordRateLimited(principal, error);
  return error;
};

/** Measures the operation and takes its points. An error means that nothing of it may run. */
export const admit = async (
  x: Admission,
  operation: Operation,
  context: Context,
): Promise<GraphQLError | null> => {
  const { cost, error = checkVariableLimit(operation.variables) } = x.measure(operation);
  if (error) return error;
  context.cost = cost;
  const { principal } = context;
  if (!principal || !x.rates.isLimited(principal, 'reads')) return null;
  try {
    await x.rates.consume(principal, 'reads', Math.max(1, cost));
    return null;
  } catch (reason) {
    if (reason instanceof AppError) x.recordRateLimited(principal, reason);
    return toGraphQLError(reason);
  }
};

/** The result with its cost and what is left of the caller's points in `extensions`. */
export const withCost = async (
  x: Admission,
  result: ExecutionResult,
  { principal, cost }: Context,
): Promise<ExecutionResult> => {
  if (!principal || !x.rates.isLimited(principal, 'reads'))
    return { ...result, extensions: { cost: { requested: cost } } };
  const { limit, remaining, resetAt } = await x.rates.state(principal, 'reads');
  const reset = resetAt === null ? null : new Date(resetAt).toISOString();
  return {
    ...result,
    extensions: { cost: { requested: cost, limit, remaining, resetAt: reset } },
  };
};

/** Audits an operation that was refused for want of a token; after too many from one address, the answer is `RATE_LIMITED` instead. */
export const rejectUnauthenticated = async (
  x: Admission,
  result: ExecutionResult,
  { principal, requestId, address }: Context,
): Promise<ExecutionResult> => {
  const refused = result.errors?.find(
    ({ originalError }) =>
      originalError instanceof AppError && originalError.code === 'UNAUTHENTICATED',
  );
  if (principal || !refused) return result;
  const action = String(refused.path?.[0] ?? '');
  const tooMany = await x.authenticator.rejectAnonymous(action, requestId, address);
  return tooMany ? { errors: [toGraphQLError(tooMany)] } : result;
};
