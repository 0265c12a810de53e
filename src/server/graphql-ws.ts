import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GraphQLError, type GraphQLSchema } from 'graphql';
import { type Extra, useServer } from 'graphql-ws/use/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Principal } from '../authentication/principal.ts';
import type { Session, Sessions } from '../authentication/sessions.ts';
import { AppError } from '../errors.ts';
import type { Context } from '../graphql/context.ts';
import { newId } from '../lib/ids.ts';
import type { Authenticator } from './authenticator.ts';
import { type FormatError, toGraphQLError } from './errors.ts';
import type { Execution } from './execution.ts';
import type { FairQueue } from './fair-queue.ts';
import type { Operation } from './operation.ts';
import { closeRestarting, closeWithError } from './ws-close.ts';
import { sendResults } from './ws-sender.ts';

export type WebSocketOptions = {
  schema: GraphQLSchema;
  execution: Execution;
  formatError: FormatError;
  authenticator: Authenticator;
  sessions: Sessions;
  fairQueue: FairQueue;
  createContext: (principal: Principal, session: Session, signal: AbortSignal) => Context;
  maxPayload: number;
  maxSubscriptions: number;
  allowsOrigin: (request: IncomingMessage) => boolean;
};

/** What a connection has once its token was accepted. */
type Connection = { session: Session; address: string | null; disconnected: AbortController };
type State = Extra & Record<PropertyKey, unknown> & Partial<Connection>;

/** What `onSubscribe` returns; graphql-ws passes it on to `execute` and `subscribe`. */
type OperationArguments = {
  schema: GraphQLSchema;
  document: Operation['document'];
  operationName: string | null;
  contextValue: Context;
  operation: Operation;
  id: string;
  extra: Extra;
};

type Payload = {
  query: string;
  variables?: Record<string, unknown> | null | undefined;
  operationName?: string | null | undefined;
};

/** The streams of a connection report the end of its session themselves, a moment before it is closed. */
const CLOSE_DELAY_MS = 50;
const TERMINATE_DELAY_MS = 1_000;

const tokenOf = (params: Readonly<Record<string, unknown>> | undefined): string => {
  const value = params?.authorization ?? params?.Authorization ?? params?.token;
  return typeof value === 'string' ? value.replace(/^Bearer\s+/i, '') : '';
};

const connect = async (
  { authenticator, sessions }: WebSocketOptions,
  state: State,
  params: Readonly<Record<string, unknown>> | undefined,
): Promise<boolean> => {
  try {
    const token = tokenOf(params);
    if (token === '')
      throw new AppError(
        'UNAUTHENTICATED',
        'The connection has no token. Send connectionParams with authorization: "Bearer <token>".',
      );
    const address = authenticator.addressOf(state.request);
    const session = sessions.open(await authenticator.authenticate(token, newId('req'), address));
    session.onEnd((reason) => {
      setTimeout(() => closeWithError(state.socket, reason), CLOSE_DELAY_MS).unref();
    });
    // The client may have disconnected while its token was verified.
    if (state.socket.readyState !== state.socket.OPEN) session.close();
    const connection: Connection = { session, address, disconnected: new AbortController() };
    Object.assign(state, connection);
    return true;
  } catch (error) {
    closeWithError(state.socket, error);
    return false;
  }
};

const tooManyOperations = (max: number): AppError =>
  new AppError(
    'LIMIT_EXCEEDED',
    `This WebSocket already carries ${max} operations, which is the maximum. Complete some, or open another WebSocket.`,
  );

/** The arguments for the execution, or the errors that refuse the operation. */
const prepareOperation = async (
  options: WebSocketOptions,
  state: State,
  openOperations: number,
  id: string,
  { query, variables, operationName }: Payload,
): Promise<OperationArguments | readonly GraphQLError[]> => {
  const { schema, execution, fairQueue, formatError, maxSubscriptions } = options;
  const { session, disconnected, address = null } = state;
  if (!session || !disconnected) return [new GraphQLError('Unauthorized')];
  const principal = { ...session.identity(), requestId: newId('req'), address };
  const contextValue = options.createContext(principal, session, disconnected.signal);
  const refuse = (errors: readonly unknown[]): readonly GraphQLError[] =>
    errors.map((error) => formatError(error, contextValue.requestId));
  if (openOperations > maxSubscriptions)
    return refuse([toGraphQLError(tooManyOperations(maxSubscriptions))]);
  const rateLimited = execution.checkRateLimit(principal);
  if (rateLimited) return refuse([toGraphQLError(rateLimited)]);
  const turn = fairQueue.admit(principal.tenant);
  if (turn !== undefined) await turn;
  const prepared = execution.prepare(query, contextValue);
  if (!('document' in prepared)) return refuse(prepared.errors);
  const { document } = prepared;
  return {
    schema,
    document,
    operationName: operationName ?? null,
    contextValue,
    operation: {
      document,
      variables: variables ?? undefined,
      name: operationName ?? undefined,
    },
    id,
    extra: state,
  };
};

/** graphql-ws declares the arguments of graphql-js; it passes on whatever `onSubscribe` has returned. */
const handleGraphql = (options: WebSocketOptions, sockets: WebSocketServer): void => {
  const { schema, execution } = options;
  useServer<Record<string, unknown>, State>(
    {
      schema,
      onConnect: ({ extra, connectionParams }) => connect(options, extra, connectionParams),
      onClose({ extra }) {
        extra.session?.close();
        extra.disconnected?.abort();
      },
      onSubscribe: ({ extra, subscriptions }, id, payload) =>
        prepareOperation(options, extra, Object.keys(subscriptions).length, id, payload) as never,
      execute(args) {
        const { operation, contextValue } = args as unknown as OperationArguments;
        return execution.execute(operation, contextValue) as never;
      },
      async subscribe(args) {
        const { operation, contextValue, id, extra } = args as unknown as OperationArguments;
        const events = await execution.subscribeAsJson(operation, contextValue);
        return (
          Symbol.asyncIterator in events
            ? sendResults(events, id, extra.socket, extra.request.socket)
            : events
        ) as never;
      },
    },
    sockets,
  );
};

export const createGraphqlWs = (options: WebSocketOptions) => {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: options.maxPayload,
    handleProtocols: (offered) =>
      offered.has('graphql-transport-ws') ? 'graphql-transport-ws' : false,
  });
  handleGraphql(options, sockets);
  const open = new Set<WebSocket>();
  sockets.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return {
    upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
      if (!options.allowsOrigin(request)) {
        socket.end(
          'HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThe origin of this page is not allowed. The operator can add it to SANDBANK_CORS_ORIGINS.\n',
        );
        return;
      }
      sockets.handleUpgrade(request, socket, head, (websocket) =>
        sockets.emit('connection', websocket, request),
      );
    },
    close(): void {
      for (const socket of open) closeRestarting(socket);
      setTimeout(() => {
        for (const socket of open) socket.terminate();
      }, TERMINATE_DELAY_MS).unref();
      sockets.close();
    },
  };
};
