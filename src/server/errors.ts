import { type ExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Logger } from 'pino';
import { errorTable } from '../error-table.ts';
import { AppError } from '../errors.ts';

/** Without a `requestId` JSON leaves the field out. */
const extensionsOf = (error: AppError, requestId?: string): Record<string, unknown> => ({
  code: error.code,
  retryable: error.retryable,
  ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  ...(Object.keys(error.details).length ? { details: error.details } : {}),
  requestId,
});

/** Yoga describes what is wrong with a request itself (invalid JSON, for example), with a status; the parser's error behind it says less. */
const causeOf = (error: unknown): unknown => {
  if (!(error instanceof GraphQLError) || !error.originalError) return error;
  const isAppError = error.originalError instanceof AppError;
  return isAppError || !error.extensions.http ? causeOf(error.originalError) : error;
};

/** The form in which graphql-js carries any error; `FormatError` finds the original again. */
export const toGraphQLError = (error: unknown): GraphQLError =>
  error instanceof GraphQLError
    ? error
    : new GraphQLError(error instanceof Error ? error.message : String(error), {
        originalError: error as Error,
      });

/** What clients are told of an unexpected error. Its details are in the log. */
export const internalError = (): AppError =>
  new AppError(
    'INTERNAL',
    'An unexpected error occurred on the server. Report the requestId to the operator.',
  );

export type FormatError = (error: unknown, requestId?: string) => GraphQLError;

/** graphql-js gives its own errors no code. */
const codeOf = (
  { extensions, message }: GraphQLError,
  path: GraphQLError['path'] | undefined,
): string => {
  if (typeof extensions.code === 'string') return extensions.code;
  if (path) return 'INVALID_ARGUMENT';
  return /^Syntax Error/.test(message) ? 'GRAPHQL_PARSE_FAILED' : 'GRAPHQL_VALIDATION_FAILED';
};

/** An error as a client sees it: an AppError whole, a fault of the document as graphql-js words it, and of a bug only the request id. */
export const createErrorFormatter =
  (log: Logger): FormatError =>
  (error, requestId) => {
    const cause = causeOf(error);
    const { nodes, path, source, positions, extensions } =
      error instanceof GraphQLError ? error : ({} as Partial<GraphQLError>);
    const where = {
      nodes: nodes ?? null,
      path: path ?? null,
      source: source ?? null,
      positions: positions ?? null,
    };
    // The status that Yoga is to answer with; Yoga removes it again.
    const status = extensions?.http ? { http: extensions.http } : {};
    if (cause instanceof AppError)
      return new GraphQLError(cause.message, {
        ...where,
        extensions: { ...extensionsOf(cause, requestId), ...status },
      });
    if (cause instanceof GraphQLError)
      return new GraphQLError(cause.message, {
        ...where,
        extensions: { code: codeOf(cause, path), retryable: false, requestId, ...status },
      });
    log.error({ err: cause, requestId, path }, 'An operation failed with an unexpected error.');
    const { code, message } = internalError();
    return new GraphQLError(message, {
      ...where,
      extensions: { code, retryable: false, requestId },
    });
  };

/** Seconds for the header `retry-after`; an error that does not say how long gets one second. */
const retryAfterSeconds = (retryAfterMs: unknown): string =>
  String(typeof retryAfterMs === 'number' ? Math.ceil(retryAfterMs / 1_000) : 1);

/** The status for a result without data whose first error refuses the whole request; null for any other result. */
export const refusedStatus = ({
  data,
  errors,
}: ExecutionResult): { status: number; headers: Record<string, string> } | null => {
  const { code, retryAfterMs } = errors?.[0]?.extensions ?? {};
  if (data !== undefined || !(code === 'RATE_LIMITED' || code === 'UNAVAILABLE')) return null;
  return {
    status: errorTable[code].requestStatus,
    headers: { 'retry-after': retryAfterSeconds(retryAfterMs) },
  };
};

/** The body of a request that is refused as a whole, in the shape that GraphQL clients expect. */
export const errorBody = (
  error: AppError,
  requestId: string,
): { errors: GraphQLFormattedError[] } => ({
  errors: [{ message: error.message, extensions: extensionsOf(error, requestId) }],
});
