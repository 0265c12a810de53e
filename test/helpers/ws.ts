import { type Client, createClient } from 'graphql-ws';
import WebSocket from 'ws';
import type { Answer } from './client.ts';
import type { TestServer } from './server.ts';

export type Socket = {
  /** One query or mutation on this very socket. */
  ask(query: string, variables?: Record<string, unknown>): Promise<Answer>;
  subscribe(query: string, variables?: Record<string, unknown>): AsyncGenerator<Answer>;
  /** Code and reason, once it is closed. */
  closed: Promise<{ code: number; reason: string }>;
  end(): Promise<void>;
};

/** One WebSocket that stays open, as a client's connection does. */
export const openSocket = (server: Pick<TestServer, 'wsUrl'>, token: string): Socket => {
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  const client: Client = createClient({
    url: server.wsUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    lazy: true,
    lazyCloseTimeout: 60_000,
    on: { closed: (event) => closed.resolve(event as { code: number; reason: string }) },
  });
  const subscribe = (query: string, variables: Record<string, unknown> = {}) =>
    client.iterate({ query, variables }) as AsyncGenerator<Answer>;
  return {
    closed: closed.promise,
    subscribe,
    async ask(query, variables) {
      for await (const answer of subscribe(query, variables)) return answer;
      throw new Error('The stream ended without an answer.');
    },
    end: async () => client.dispose(),
  };
};
