import { type Client, createClient } from 'graphql-ws';
import WebSocket from 'ws';

export type Endpoint = { url: string; token: string };

/** One GraphQL operation over HTTP on a kept-alive connection; throws on errors and on a Failure. */
export const call = async <Data>(
  endpoint: Endpoint,
  query: string,
  variables: object = {},
): Promise<Data> => {
  const response = await fetch(endpoint.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${endpoint.token}` },
    body: JSON.stringify({ query, variables }),
  });
  const result = (await response.json()) as { data: Data; errors?: { message: string }[] };
  if (result.errors) throw new Error(result.errors.map((error) => error.message).join('; '));
  for (const value of Object.values(
    result.data as Record<string, { __typename?: string; message?: string }>,
  )) {
    if (value?.__typename === 'Failure') throw new Error(value.message);
  }
  return result.data;
};

export const connect = (endpoint: Endpoint): Client =>
  createClient({
    url: endpoint.url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${endpoint.token}` },
    lazy: false,
    retryAttempts: 0,
  });

export const createSandbox = async (endpoint: Endpoint, input: object = {}): Promise<string> => {
  const data = await call<{ createSandbox: { sandbox: { id: string } } }>(
    endpoint,
    'mutation ($input: CreateSandboxInput!) { createSandbox(input: $input) { __typename ... on Failure { message } ... on SandboxPayload { sandbox { id } } } }',
    { input },
  );
  return data.createSandbox.sandbox.id;
};

export const destroySandbox = (endpoint: Endpoint, id: string): Promise<unknown> =>
  call(
    endpoint,
    'mutation ($input: DestroySandboxInput!) { destroySandbox(input: $input) { __typename ... on Failure { message } } }',
    { input: { sandboxId: id } },
  );
