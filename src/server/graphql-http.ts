import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { AppError } from '../errors.ts';
import type { Context } from '../graphql/context.ts';
import { encodeJson } from '../graphql/json.ts';
import { errorBody, type FormatError, refusedStatus } from './errors.ts';
import type { Execution } from './execution.ts';
import {
  isJsonRequest,
  negotiateContentType,
  parseJson,
  readGraphqlRequest,
} from './graphql-request.ts';
import { PRIVATE_HEADERS } from './security-headers.ts';
import { createYogaServer } from './yoga.ts';

/** Headers of draft-ietf-httpapi-ratelimit-headers, where the points of the caller are counted. */
const rateLimitHeaders = ({ extensions }: ExecutionResult): Record<string, string> => {
  const { limit, remaining, resetAt } = (extensions?.cost ?? {}) as Record<string, unknown>;
  if (typeof limit !== 'number') return {};
  const seconds = typeof resetAt === 'string' ? (Date.parse(resetAt) - Date.now()) / 1_000 : 0;
  return {
    'ratelimit-limit': String(limit),
    'ratelimit-remaining': String(remaining),
    'ratelimit-reset': String(Math.max(0, Math.ceil(seconds))),
  };
};

/** Answers the plain form of a query or mutation; false when the request is left to Yoga. */
const answerFast = async (
  execution: Execution,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  context: Context,
): Promise<boolean> => {
  if (request.method !== 'POST' || !isJsonRequest(request)) return false;
  const contentType = negotiateContentType(request.headers.accept);
  const parameters = contentType === null ? null : readGraphqlRequest(body);
  if (contentType === null || !parameters) return false;
  const prepared = execution.prepare(parameters.query, context);
  if (!('document' in prepared)) return false;
  const { variables, operationName: name } = parameters;
  const operation = { document: prepared.document, variables, name };
  if (execution.isSubscription(operation)) return false;
  const result = await execution.execute(operation, context);
  const refused = refusedStatus(result);
  // Without data the request itself was at fault (its variables, for example): Yoga knows the status for that.
  if (!refused && !('data' in result)) return false;
  // A string leaves in one write together with the headers, a buffer in two.
  const json = encodeJson(result);
  response
    .writeHead(refused?.status ?? 200, {
      'content-type': contentType,
      'content-length': Buffer.byteLength(json),
      'x-request-id': context.requestId,
      ...PRIVATE_HEADERS,
      ...rateLimitHeaders(result),
      ...refused?.headers,
    })
    .end(json);
  return true;
};

/**
 * A JSON POST of a query or mutation, by far the most frequent request, is answered here. Everything else (GET, SSE, malformed
 * requests) is left to Yoga. Both run their documents through the same execution.
 */
export const createGraphqlHttp = ({
  schema,
  execution,
  formatError,
}: {
  schema: GraphQLSchema;
  execution: Execution;
  formatError: FormatError;
}) => {
  const yoga = createYogaServer(schema, execution, formatError);
  return async (
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
    context: Context,
  ): Promise<void> => {
    if (await answerFast(execution, request, response, body, context)) return;
    response.setHeader('x-request-id', context.requestId);
    for (const [name, value] of Object.entries(PRIVATE_HEADERS)) response.setHeader(name, value);
    if (request.method === 'POST' && isJsonRequest(request) && parseJson(body) === undefined) {
      const error = new AppError(
        'INVALID_ARGUMENT',
        'The body of the request is not valid JSON. Send {"query": "…"}.',
      );
      const text = JSON.stringify(errorBody(error, context.requestId));
      response.writeHead(400, { 'content-type': 'application/json; charset=utf-8' }).end(text);
      return;
    }
    // Yoga takes a body that has already been read from this property.
    Object.assign(request, { body });
    await yoga(request, response, { sandbank: context });
  };
};
