import { type GraphQLUnionType, getNamedType } from 'graphql';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import type { Mutation } from '../../schema/generated/types.ts';
import type { Data, Json } from './answers.ts';
import { contract } from './documents.ts';
import type { TestServer } from './server.ts';

export type AnswerError = {
  message: string;
  path?: (string | number)[];
  extensions: {
    code: string;
    retryable: boolean;
    retryAfterMs?: number;
    requestId?: string;
    details: Json;
  };
};
/** `Result`: what a document with aliases selects; else the root fields of the schema. Only errors come without `data`. */
export type Answer<Result = Data> = { data: Result; errors?: AnswerError[] };

/** The fields that take one input and answer with a union. */
export type MutationField = Exclude<keyof Mutation, '__typename'>;
/** The payload of a mutation, and the fields of its errors. */
export type MutationAnswer<Field extends MutationField> = Data[Field];

export const post = async <Result = Data>(
  server: TestServer,
  query: string,
  variables: object = {},
  token: string | null = server.token(),
): Promise<Answer<Result> & { status: number }> => {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
  });
  return { status: response.status, ...((await response.json()) as Answer<Result>) };
};

/** The data of an operation that must succeed. */
export const ask = async <Result = Data>(
  server: TestServer,
  query: string,
  variables: object = {},
  token?: string,
): Promise<Result> => {
  const { data, errors } = await post<Result>(server, query, variables, token);
  if (errors || !data) throw new Error(JSON.stringify(errors));
  return data;
};

const FAILURE = '... on Error { code message retryable details }';

/** One mutation with one input; its payload or its Failure. */
export const mutate = async <Field extends MutationField>(
  server: TestServer,
  field: Field,
  selection: string,
  input: object,
  token?: string,
): Promise<MutationAnswer<Field>> => {
  const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { ${field}(input: $input) { __typename ... on ${payloadOf(field)} { ${selection} } ${FAILURE} } }`;
  return (await ask(server, query, { input }, token))[field];
};

/** The member of a mutation's union that is no error. */
const payloadOf = (field: string): string => {
  const result = contract.getMutationType()?.getFields()[field]?.type;
  const members = result && contract.getPossibleTypes(getNamedType(result) as GraphQLUnionType);
  return members?.find((type) => type.getInterfaces().length === 0)?.name ?? '';
};

export const newSandbox = async (
  server: TestServer,
  input: object = {},
  token?: string,
): Promise<string> =>
  (await mutate(server, 'createSandbox', 'sandbox { id }', input, token)).sandbox.id;

export type Stream = AsyncIterable<Answer>;
/** An event of `processOutput` or `terminalOutput`. */
export type ProcessEvent = Data['processOutput'];

/** A subscription over graphql-transport-ws, on a socket of its own. */
export const overWebSocket = async function* (
  server: TestServer,
  query: string,
  variables: object = {},
  token = server.token(),
): AsyncGenerator<Answer> {
  const client = createClient({
    url: server.wsUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  try {
    yield* client.iterate({
      query,
      variables: variables as Record<string, unknown>,
    }) as AsyncIterable<Answer>;
  } finally {
    await client.dispose();
  }
};

/** The same over server-sent events. */
export const overSse = async function* (
  server: TestServer,
  query: string,
  variables: object = {},
  token = server.token(),
): AsyncGenerator<Answer> {
  const gone = new AbortController();
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({ query, variables }),
    signal: gone.signal,
  });
  let rest = '';
  try {
    for await (const part of (response.body ?? new ReadableStream()).pipeThrough(
      new TextDecoderStream(),
    )) {
      const events = (rest + part).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        const data = /^data: (.+)$/m.exec(event)?.[1];
        if (/^event: complete/m.test(event)) return;
        if (data) yield JSON.parse(data) as Answer;
      }
    }
  } finally {
    gone.abort();
  }
};

export const transports = [
  { transport: 'WebSocket', subscribe: overWebSocket },
  { transport: 'SSE', subscribe: overSse },
] as const;

export const OUTPUT =
  'subscription ($id: ID!, $after: Cursor) { processOutput(processId: $id, after: $after) { __typename cursor ... on ProcessOutput { stream data text } ... on ProcessExited { kind exitCode signal } ... on OutputGap { from to reason } } }';

/** Bytes, text and the last event of a stream that ends. */
export const drain = async (
  stream: Stream,
  field: 'processOutput' | 'terminalOutput' = 'processOutput',
) => {
  const parts: Buffer[] = [];
  const events: ProcessEvent[] = [];
  let text = '';
  for await (const answer of stream) {
    const event = answer.data?.[field];
    if (!event) throw new Error(JSON.stringify(answer.errors));
    events.push(event);
    if (event.data) parts.push(Buffer.from(event.data, 'base64'));
    text += event.text ?? '';
  }
  return { bytes: Buffer.concat(parts), text, events, exit: events.at(-1) };
};
