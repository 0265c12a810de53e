import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLError,
} from 'graphql';
import type { Session, Sessions } from '../authentication/sessions.ts';
import type { AppError } from '../errors.ts';
import type { Context } from '../graphql/context.ts';
import { toGraphQLError } from './errors.ts';

const END = { done: true, value: undefined } as const;

export type Delivery<Out> = {
  /** What the subscriber gets for an event. */
  event: (event: unknown) => Promise<Out>;
  /** What it gets for a failure. */
  failure: (errors: readonly GraphQLError[]) => Out;
};

/** The session of the WebSocket, or one of the stream's own. */
const sessionOf = ({ session, principal }: Context, sessions: Sessions) => {
  if (session || !principal) return { session, close: () => undefined };
  const own: Session = sessions.open(principal);
  return { session: own, close: () => own.close() };
};

/**
 * graphql-js's subscribe, but what becomes of each event is `delivery`'s, and the stream ends with its session (TOKEN_EXPIRED,
 * TOKEN_REVOKED). Hand-written: `return()` must not wait for the next event. A refusal at the start is a result, not a stream.
 */
export const subscribeFresh = async <Out>(
  args: ExecutionArgs & { contextValue: Context },
  delivery: Delivery<Out>,
  sessions: Sessions,
  release: () => void,
): Promise<AsyncIterableIterator<Out> | ExecutionResult> => {
  const source = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in source)) return source;
  const events = source[Symbol.asyncIterator]();
  const { session, close } = sessionOf(args.contextValue, sessions);
  let done = false;
  let over: AppError | null = null;
  const forget = session?.onEnd((why) => {
    over = why;
    // Every source of ours answers a waiting next() when it is returned (plugins/abort-subscriptions).
    void events.return?.();
  });
  const finish = (): typeof END => {
    if (!done) {
      done = true;
      forget?.();
      close();
      release();
    }
    return END;
  };
  const fail = (error: unknown): IteratorResult<Out> => {
    finish();
    return { done: false, value: delivery.failure([toGraphQLError(error)]) };
  };
  const results: AsyncIterableIterator<Out> = {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (done) return END;
      try {
        const event = over ? END : await events.next();
        // What was on its way when the token ended is not delivered any more.
        if (over) return fail(over);
        return event.done ? finish() : { done: false, value: await delivery.event(event.value) };
      } catch (error) {
        return fail(error);
      }
    },
    async return() {
      if (!done) void events.return?.();
      return finish();
    },
  };
  return results;
};
