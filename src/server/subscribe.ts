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
  /** What the subscriber receives for an event. */
  event: (event: unknown) => Promise<Out>;
  /** What it receives for a failure, which is the last thing it receives. */
  failure: (errors: readonly GraphQLError[]) => Out;
};

/** The session of the WebSocket, or one that ends with this stream. */
const sessionOf = ({ session, principal }: Context, sessions: Sessions) => {
  if (session || !principal) return { session, close: () => undefined };
  const own: Session = sessions.open(principal);
  return { session: own, close: () => own.close() };
};

/**
 * `subscribe` of graphql-js, except that `delivery` decides what an event becomes, and that the stream ends with its session
 * (TOKEN_EXPIRED, TOKEN_REVOKED). Hand-written: `return()` must not wait for the next event. A refusal at the start is a result, not a stream.
 */
export const openSubscription = async <Out>(
  args: ExecutionArgs & { contextValue: Context },
  delivery: Delivery<Out>,
  sessions: Sessions,
  release: () => void,
): Promise<AsyncIterableIterator<Out> | ExecutionResult> => {
  const source = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in source)) return source;
  const events = source[Symbol.asyncIterator]();
  const { session, close } = sessionOf(args.contextValue, sessions);
  let isDone = false;
  let sessionEnd: AppError | null = null;
  const removeListener = session?.onEnd((reason) => {
    sessionEnd = reason;
    // Every source of ours settles a waiting next() when it is returned (plugins/abort-subscriptions).
    void events.return?.();
  });
  const finish = (): typeof END => {
    if (!isDone) {
      isDone = true;
      removeListener?.();
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
      if (isDone) return END;
      try {
        const event = sessionEnd ? END : await events.next();
        // An event that was on its way when the session ended is not delivered any more.
        if (sessionEnd) return fail(sessionEnd);
        return event.done ? finish() : { done: false, value: await delivery.event(event.value) };
      } catch (error) {
        return fail(error);
      }
    },
    async return() {
      if (!isDone) void events.return?.();
      return finish();
    },
  };
  return results;
};
