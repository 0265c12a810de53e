import type { IncomingMessage } from 'node:http';

/** The parameters of a GraphQL request over HTTP. */
export type GraphqlRequest = {
  query: string;
  variables: Record<string, unknown> | undefined;
  operationName: string | undefined;
};

export const isJsonRequest = ({
  headers: { 'content-type': type = '' },
}: IncomingMessage): boolean =>
  type === 'application/json' || /^application\/json(;\s*charset=utf-8)?$/i.test(type);

/** The content type of the answer; null for what Yoga has to negotiate: event streams, multipart, and types that are not GraphQL's. */
export const negotiateContentType = (accept = '*/*'): string | null => {
  if (accept === '*/*') return 'application/json; charset=utf-8';
  if (/event-stream|multipart/.test(accept)) return null;
  if (accept.includes('application/graphql-response+json'))
    return 'application/graphql-response+json; charset=utf-8';
  return /application\/json|\*\/\*/.test(accept) ? 'application/json; charset=utf-8' : null;
};

/** The body as JSON; undefined when it is not. */
export const parseJson = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
};

const isNullish = (value: unknown): value is null | undefined =>
  value === undefined || value === null;

/** Null for anything but the plain form of a request, which is left to Yoga. */
export const readGraphqlRequest = (body: Buffer): GraphqlRequest | null => {
  const parsed = parseJson(body);
  if (typeof parsed !== 'object' || parsed === null) return null;
  const { query, variables, operationName, extensions } = parsed as Record<string, unknown>;
  const areVariables =
    isNullish(variables) || (typeof variables === 'object' && !Array.isArray(variables));
  const isName = isNullish(operationName) || typeof operationName === 'string';
  if (typeof query !== 'string' || !areVariables || !isName || !isNullish(extensions)) return null;
  return {
    query,
    variables: (variables ?? undefined) as Record<string, unknown> | undefined,
    operationName: operationName ?? undefined,
  };
};
