import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GraphQLError, type GraphQLSchema } from 'graphql';
import { CloseCode } from 'graphql-ws';
import { type Extra, useServer } from 'graphql-ws/use/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Principal } from '../authentication/principal.ts';
import type { Session, Sessions } from '../authentication/sessions.ts';
import { AppError } from '../errors.ts';
import type { Context } from '../graphql/context.ts';
import { newId } from '../lib/ids.ts';
import type { Authenticator } from './authenticator.ts';
import { type ErrorMask, toGraphQLError } from './errors.ts';
import type { Execution } from './execution.ts';
import type { FairQueue } from './fair-queue.ts';
import type { Operation } from './operation.ts';
import { sendAll } from './ws-sender.ts';

export type WebSocketOptions = {
  schema: GraphQLSchema;
  execution: Execution;
  mask: ErrorMask;
  authenticator: Authenticator;
  sessions: Sessions;
  fairQueue: FairQueue;
  context: (principal: Principal, session: Session, signal: AbortSignal) => Context;
  maxPayload: number;
  maxSubscriptions: number;
  allowsOrigin: (request: IncomingMessage) => boolean;
};

type State = Extra &
  Record<PropertyKey, unknown> & {
    session?: Session;
    address?: string | null;
    gone?: AbortController;
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
  authenticator,
  sessions,
  fairQueue,
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
      async onConnect(ctx) {
        const state = ctx.extra;
        try {
          const token = tokenOf(ctx.connectionParams);
          if (token === '')
            throw new AppError(
              'UNAUTHENTICATED',
              'connectionParams need authorization: "Bearer <token>".',
            );
          const address = authenticator.addressOf(state.request);
          const session = sessions.open(
            await authenticator.authenticate(token, newId('req'), address),
          );
          const gone = new AbortController();
          session.onEnd(({ code, message }) => {
            // A moment after the streams have said so themselves.
            setTimeout(
              () => state.socket.close(CloseCode.Forbidden, reasonOf(`${code}: ${message}`)),
              50,
            ).unref();
          });
          // The client may have gone while the token was looked at.
          if (state.socket.readyState !== state.socket.OPEN) session.close();
          Object.assign(state, { session, address, gone });
          return true;
        } catch (error) {
          const known = error instanceof AppError ? `${error.code}: ${error.message}` : 'Forbidden';
          state.socket.close(CloseCode.Forbidden, reasonOf(known));
          return false;
        }
      },
      onClose({ extra }) {
        extra.session?.close();
        extra.gone?.abort();
      },
      async onSubscribe(ctx, id, { query, variables, operationName }) {
        const { session, gone, address = null } = ctx.extra;
        if (!session || !gone) return [new GraphQLError('Unauthorized')];
        const principal = { ...session.identity(), requestId: newId('req'), address };
        const contextValue = context(principal, session, gone.signal);
        const refuse = (errors: readonly unknown[]) =>
          errors.map((error) => mask(error, contextValue.requestId));
        if (Object.keys(ctx.subscriptions).length > maxSubscriptions) {
          const error = new AppError(
            'LIMIT_EXCEEDED',
            `One WebSocket carries at most ${maxSubscriptions} operations at once. Open another, or complete some.`,
          );
          return refuse([toGraphQLError(error)]);
        }
        const exhausted = execution.refusal(principal);
        if (exhausted) return refuse([toGraphQLError(exhausted)]);
        const waiting = fairQueue.admit(principal.tenant);
        if (waiting !== undefined) await waiting;
        const prepared = execution.prepare(query, contextValue);
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
