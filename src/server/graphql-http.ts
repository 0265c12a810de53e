import type { IncomingMessage, ServerResponse } from 'node:http';
import { type DocumentNode, type ExecutionResult, GraphQLError, type GraphQLSchema } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import { AppError } from '../errors.ts';
import type { Context } from '../graphql/context.ts';
import { encodeJson } from '../graphql/json.ts';
import { type ErrorMask, refusal, statusOf } from './errors.ts';
import type { Execution } from './execution.ts';
import { PRIVATE } from './security-headers.ts';

type YogaContext = { sandbank: Context };

/**
 * A JSON POST of a query or mutation, by far the most frequent request, is answered here; everything else (GET, SSE, malformed
 * requests) is Yoga's, which knows GraphQL over HTTP to the letter. Both run documents through the same execution.
 */
export const createGraphqlHttp = ({
  schema,
  execution,
  mask,
}: {
  schema: GraphQLSchema;
  execution: Execution;
  mask: ErrorMask;
}) => {
  /** Yoga parses, executes and subscribes as every other way in. */
  const ours: Plugin<YogaContext> = {
    onValidate: ({ context, setValidationFn }) =>
      setValidationFn((_schema, document) =>
        execution.validate(document as DocumentNode, (context as unknown as YogaContext).sandbank),
      ),
    onParse: ({ setParseFn }) =>
      setParseFn((source: string | { body: string }) =>
        execution.parse(typeof source === 'string' ? source : source.body),
      ),
    onExecute: ({ setExecuteFn }) =>
      setExecuteFn(async ({ document, variableValues, operationName, contextValue }) =>
        withStatus(
          await execution.execute(
            { document, variables: variableValues ?? undefined, name: operationName ?? undefined },
            contextValue as unknown as Context,
          ),
        ),
      ),
    onSubscribe: ({ setSubscribeFn }) =>
      setSubscribeFn(async ({ document, variableValues, operationName, contextValue }) => {
        const events = await execution.subscribe(
          { document, variables: variableValues ?? undefined, name: operationName ?? undefined },
          contextValue as unknown as Context,
        );
        return Symbol.asyncIterator in events ? events : withStatus(events);
      }),
  };
  const yoga = createYoga<YogaContext>({
    schema,
    graphqlEndpoint: '/graphql',
    graphiql: false,
    landingPage: false,
    batching: false,
    // What is valid depends on who asks, which its cache does not know.
    parserAndValidationCache: false,
    logging: false,
    maxRequestBodySize: false,
    cors: false,
    context: ({ sandbank }) => sandbank as never,
    // Yoga's own refusals (a request that is not GraphQL's) do not know the request; its id is in the header of the answer.
    maskedErrors: { maskError: (error) => mask(error) },
    plugins: [ours],
  });

  const quick = async (
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
    context: Context,
  ): Promise<boolean> => {
    if (request.method !== 'POST' || !isJson(request)) return false;
    const answerType = answerTypeOf(request.headers.accept);
    if (answerType === null) return false;
    const asked = readRequest(body);
    if (!asked) return false;
    const prepared = execution.prepare(asked.query, context);
    if (!('document' in prepared)) return false;
    const operation = {
      document: prepared.document,
      variables: asked.variables,
      name: asked.operationName,
    };
    if (execution.isSubscription(operation)) return false;
    const result = await execution.execute(operation, context);
    const refused = statusOf(result);
    // Without data the request itself was at fault (variables, say): Yoga knows the status for that.
    if (!refused && !('data' in result)) return false;
    // A string goes out in one write together with the headers, a buffer in two.
    const text = encodeJson(result);
    response
      .writeHead(refused?.status ?? 200, {
        'content-type': answerType,
        'content-length': Buffer.byteLength(text),
        'x-request-id': context.requestId,
        ...PRIVATE,
        ...rateHeaders(result),
        ...refused?.headers,
      })
      .end(text);
    return true;
  };

  return async (
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
    context: Context,
  ): Promise<void> => {
    if (await quick(request, response, body, context)) return;
    response.setHeader('x-request-id', context.requestId);
    for (const [name, value] of Object.entries(PRIVATE)) response.setHeader(name, value);
    if (request.method === 'POST' && isJson(request) && !parses(body)) {
      const error = new AppError(
        'INVALID_ARGUMENT',
        'The body of the request is not JSON. Send {"query": "…"}.',
      );
      const text = JSON.stringify(refusal(error, context.requestId));
      response.writeHead(400, { 'content-type': 'application/json; charset=utf-8' }).end(text);
      return;
    }
    // Yoga takes a body that was read already from here.
    Object.assign(request, { body });
    await yoga(request, response, { sandbank: context });
  };
};

/** Yoga answers with the status an error asks for, and takes the request for it out again. */
const withStatus = (result: ExecutionResult): ExecutionResult => {
  const http = statusOf(result);
  const [first, ...others] = result.errors ?? [];
  if (!http || !first) return result;
  const error = new GraphQLError(first.message, { extensions: { ...first.extensions, http } });
  return { ...result, errors: [error, ...others] };
};

/** Of draft-ietf-httpapi-ratelimit-headers, where the caller's points are counted. */
const rateHeaders = ({ extensions }: ExecutionResult): Record<string, string> => {
  const { limit, remaining, resetAt } = (extensions?.cost ?? {}) as Record<string, unknown>;
  if (typeof limit !== 'number') return {};
  const seconds = typeof resetAt === 'string' ? (Date.parse(resetAt) - Date.now()) / 1_000 : 0;
  return {
    'ratelimit-limit': String(limit),
    'ratelimit-remaining': String(remaining),
    'ratelimit-reset': String(Math.max(0, Math.ceil(seconds))),
  };
};

const isJson = ({ headers: { 'content-type': type = '' } }: IncomingMessage): boolean =>
  type === 'application/json' || /^application\/json(;\s*charset=utf-8)?$/i.test(type);

/** Null for what Yoga has to negotiate: event streams, multipart, and types that are not GraphQL's. */
const answerTypeOf = (accept = '*/*'): string | null => {
  if (accept === '*/*') return 'application/json; charset=utf-8';
  if (/event-stream|multipart/.test(accept)) return null;
  if (accept.includes('application/graphql-response+json'))
    return 'application/graphql-response+json; charset=utf-8';
  return /application\/json|\*\/\*/.test(accept) ? 'application/json; charset=utf-8' : null;
};

const parses = (body: Buffer): boolean => {
  try {
    JSON.parse(body.toString());
    return true;
  } catch {
    return false;
  }
};

type Asked = {
  query: string;
  variables: Record<string, unknown> | undefined;
  operationName: string | undefined;
};

const readRequest = (body: Buffer): Asked | null => {
  try {
    const { query, variables, operationName, extensions } = JSON.parse(body.toString()) as Record<
      string,
      unknown
    >;
    const plain =
      variables === undefined ||
      variables === null ||
      (typeof variables === 'object' && !Array.isArray(variables));
    if (
      typeof query !== 'string' ||
      !plain ||
      (extensions ?? null) !== null ||
      !(operationName === undefined || operationName === null || typeof operationName === 'string')
    )
      return null;
    return {
      query,
      variables: (variables ?? undefined) as Record<string, unknown> | undefined,
      operationName: operationName ?? undefined,
    };
  } catch {
    return null;
  }
};
