import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GraphQLError, type GraphQLSchema } from 'graphql';
import { CloseCode } from 'graphql-ws';
import { type Extra, useServer } from 'graphql-ws/use/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Principal } from '../access/principal.ts';
import type { Tokens } from '../access/tokens.ts';
import { AppError } from '../errors.ts';
import type { Context } from '../graphql/context.ts';
import type { ErrorMask } from './errors.ts';
import type { Execution } from './execution.ts';
import type { Operation } from './operation.ts';
import { atInstant } from './subscribe.ts';
import { sendAll } from './ws-sender.ts';

export type WebSocketOptions = {
  schema: GraphQLSchema;
  execution: Execution;
  mask: ErrorMask;
  tokens: Tokens;
  context: (principal: Principal, signal: AbortSignal) => Context;
  maxPayload: number;
  maxSubscriptions: number;
  allowsOrigin: (request: IncomingMessage) => boolean;
};

type State = Extra &
  Record<PropertyKey, unknown> & {
    principal?: Principal;
    gone?: AbortController;
    forget?: () => void;
  };

/** The code of graphql-ws for a restart is free to choose; 1012 is WebSocket's own "service restart". */
const SERVICE_RESTART = 1012;
/** A close reason has at most 123 bytes. */
const reasonOf = (text: string): string => Buffer.from(text).subarray(0, 120).toString();

const tokenOf = (params: Readonly<Record<string, unknown>> | undefined): string => {
  const value = params?.authorization ?? params?.Authorization ?? params?.token;
  return typeof value === 'string' ? value.replace(/^Bearer\s+/i, '') : '';
};

export const createGraphqlWs = ({
  schema,
  execution,
  mask,
  tokens,
  context,
  maxPayload,
  maxSubscriptions,
  allowsOrigin,
}: WebSocketOptions) => {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload,
    handleProtocols: (offered) =>
      offered.has('graphql-transport-ws') ? 'graphql-transport-ws' : false,
  });
  type Args = {
    schema: GraphQLSchema;
    document: Operation['document'];
    contextValue: Context;
    operation: Operation;
    id: string;
    extra: Extra;
  };

  useServer<Record<string, unknown>, State>(
    {
      schema,
      onConnect(ctx) {
        const state = ctx.extra;
        try {
          const token = tokenOf(ctx.connectionParams);
          if (token === '')
            throw new AppError(
              'UNAUTHENTICATED',
              'connectionParams need authorization: "Bearer <token>".',
            );
          const principal = tokens.verify(token);
          const gone = new AbortController();
          // A moment after the streams have said TOKEN_EXPIRED themselves.
          const forget = atInstant(principal.expiresAt + 50, () =>
            state.socket.close(CloseCode.Forbidden, 'TOKEN_EXPIRED: the token has expired'),
          );
          Object.assign(state, { principal, gone, forget });
          return true;
        } catch (error) {
          const known = error instanceof AppError ? `${error.code}: ${error.message}` : 'Forbidden';
          state.socket.close(CloseCode.Forbidden, reasonOf(known));
          return false;
        }
      },
      onClose({ extra }) {
        extra.forget?.();
        extra.gone?.abort();
      },
      onSubscribe(ctx, id, { query, variables, operationName }) {
        const { principal, gone } = ctx.extra;
        if (!principal || !gone) return [new GraphQLError('Unauthorized')];
        const contextValue = context(principal, gone.signal);
        const refuse = (errors: readonly unknown[]) =>
          errors.map((error) => mask(error, contextValue.requestId));
        if (Object.keys(ctx.subscriptions).length > maxSubscriptions) {
          const error = new AppError(
            'LIMIT_EXCEEDED',
            `One WebSocket carries at most ${maxSubscriptions} operations at once. Open another, or complete some.`,
          );
          return refuse([new GraphQLError(error.message, { originalError: error })]);
        }
        const prepared = execution.prepare(query);
        if (!('document' in prepared)) return refuse(prepared.errors);
        const operation: Operation = {
          document: prepared.document,
          variables: variables ?? undefined,
          name: operationName ?? undefined,
        };
        return {
          schema,
          document: prepared.document,
          operationName: operationName ?? null,
          contextValue,
          operation,
          id,
          extra: ctx.extra,
        } as never;
      },
      execute: (args) =>
        execution.execute(
          (args as unknown as Args).operation,
          (args as unknown as Args).contextValue,
        ) as never,
      async subscribe(args) {
        const { operation, contextValue, id, extra } = args as unknown as Args;
        const events = await execution.subscribeAsText(operation, contextValue);
        return (
          Symbol.asyncIterator in events
            ? sendAll(events, id, extra.socket, extra.request.socket)
            : events
        ) as never;
      },
    },
    sockets,
  );
  const live = new Set<WebSocket>();
  sockets.on('connection', (socket) => {
    live.add(socket);
    socket.once('close', () => live.delete(socket));
  });

  return {
    upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
      if (!allowsOrigin(request)) {
        socket.end(
          'HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis origin is not in SANDBANK_CORS_ORIGINS.\n',
        );
        return;
      }
      sockets.handleUpgrade(request, socket, head, (websocket) =>
        sockets.emit('connection', websocket, request),
      );
    },
    close(): void {
      for (const socket of live)
        socket.close(SERVICE_RESTART, 'The server restarts; resume by cursor');
      setTimeout(() => live.forEach((socket) => void socket.terminate()), 1_000).unref();
      sockets.close();
    },
  };
};
