import { type ExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';

/** Without a `requestId` JSON leaves the field out. */
const extensionsOf = (error: AppError, requestId?: string): Record<string, unknown> => ({
  code: error.code,
  retryable: error.retryable,
  ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  ...(Object.keys(error.details).length ? { details: error.details } : {}),
  requestId,
});

/** Yoga says what is wrong with a request itself (invalid JSON, say), with a status; the parser's own error behind it says less. */
const causeOf = (error: unknown): unknown => {
  if (!(error instanceof GraphQLError) || !error.originalError) return error;
  const isOurs = error.originalError instanceof AppError;
  return isOurs || !error.extensions.http ? causeOf(error.originalError) : error;
};

/** As graphql-js carries it; the mask finds what it was. */
export const toGraphQLError = (error: unknown): GraphQLError =>
  error instanceof GraphQLError
    ? error
    : new GraphQLError(error instanceof Error ? error.message : String(error), {
        originalError: error as Error,
      });

export type ErrorMask = (error: unknown, requestId?: string) => GraphQLError;

/** What a client is told: our own errors as they are, faults of the document as graphql-js says them, and of a bug only where to look. */
export const createErrorMask =
  (log: Logger): ErrorMask =>
  (error, requestId) => {
    const cause = causeOf(error);
    const { nodes, path, source, positions } =
      error instanceof GraphQLError ? error : ({} as Partial<GraphQLError>);
    const where = {
      nodes: nodes ?? null,
      path: path ?? null,
      source: source ?? null,
      positions: positions ?? null,
    };
    // Yoga's note of the status to answer with; it takes it out again.
    const { http } = (error instanceof GraphQLError ? error.extensions : {}) as { http?: unknown };
    const status = http ? { http } : {};
    if (cause instanceof AppError)
      return new GraphQLError(cause.message, {
        ...where,
        extensions: { ...extensionsOf(cause, requestId), ...status },
      });
    if (cause instanceof GraphQLError) {
      const code =
        typeof cause.extensions.code === 'string'
          ? cause.extensions.code
          : path
            ? 'INVALID_ARGUMENT'
            : /^Syntax Error/.test(cause.message)
              ? 'GRAPHQL_PARSE_FAILED'
              : 'GRAPHQL_VALIDATION_FAILED';
      return new GraphQLError(cause.message, {
        ...where,
        extensions: {
          code,
          retryable: false,
          requestId,
          ...status,
        },
      });
    }
    log.error({ err: cause, requestId, path }, 'an operation failed unexpectedly');
    return new GraphQLError('Something went wrong on our side. Tell the operator the requestId.', {
      ...where,
      extensions: { code: 'INTERNAL', retryable: false, requestId },
    });
  };

/** The status for an answer without data whose first error says that the whole request was refused; null: any other. */
export const statusOf = ({
  data,
  errors,
}: ExecutionResult): { status: number; headers: Record<string, string> } | null => {
  const { code, retryAfterMs } = errors?.[0]?.extensions ?? {};
  if (data !== undefined || !(code === 'RATE_LIMITED' || code === 'UNAVAILABLE')) return null;
  const seconds = typeof retryAfterMs === 'number' ? Math.ceil(retryAfterMs / 1_000) : 1;
  return {
    status: code === 'RATE_LIMITED' ? 429 : 503,
    headers: { 'retry-after': String(seconds) },
  };
};

/** A whole request refused, in the shape GraphQL clients expect. */
export const refusal = (
  error: AppError,
  requestId: string,
): { errors: GraphQLFormattedError[] } => ({
  errors: [{ message: error.message, extensions: extensionsOf(error, requestId) }],
});
