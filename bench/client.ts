import { Agent, request } from 'node:http';
import { type Client, createClient } from 'graphql-ws';
import WebSocket from 'ws';

export type Endpoint = { url: string; token: string };

const agent = new Agent({ keepAlive: true });

/** node:http rather than fetch, which would take a good part of what is measured. */
const post = (url: string, token: string, body: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    })
      .on('error', reject)
      .end(body);
  });

/** One GraphQL operation over HTTP on a kept-alive connection; throws on errors and on a Failure. */
export const call = async <Data>(
  { url, token }: Endpoint,
  query: string,
  variables: object = {},
): Promise<Data> => {
  const text = await post(url, token, JSON.stringify({ query, variables }));
  const { data, errors } = JSON.parse(text) as { data: Data; errors?: { message: string }[] };
  if (errors) throw new Error(errors.map(({ message }) => message).join('; '));
  for (const value of Object.values(
    data as Record<string, { __typename?: string; message?: string }>,
  )) {
    if (value?.__typename === 'Failure') throw new Error(value.message);
  }
  return data;
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
    'mutation ($input: CreateSandboxInput!) { createSandbox(input: $input) { __typename ... on Error { message } ... on SandboxPayload { sandbox { id } } } }',
    { input },
  );
  return data.createSandbox.sandbox.id;
};
