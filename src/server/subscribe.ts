import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
} from 'graphql';
import { AppError } from '../errors.ts';
import type { Context } from '../graphql/context.ts';

/** setTimeout knows at most 2^31 - 1 ms; a token that lives longer is looked at again then. */
const MAX_DELAY = 2 ** 31 - 1;

/** Calls back once at the instant; the returned function forgets it. */
export const atInstant = (instant: number, callback: () => void): (() => void) => {
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = instant - Date.now();
    timer = setTimeout(left > MAX_DELAY ? arm : callback, Math.min(Math.max(left, 0), MAX_DELAY));
    timer.unref();
  };
  arm();
  return () => clearTimeout(timer);
};

const expired = (): GraphQLError => {
  const error = new AppError(
    'TOKEN_EXPIRED',
    'The token has expired, and with it this stream. Subscribe again with a new token and your last cursor: nothing is lost.',
  );
  return new GraphQLError(error.message, { originalError: error });
};

const END = { done: true, value: undefined } as const;

export type Delivery<Out> = {
  /** What the subscriber gets for an event. */
  event: (event: unknown) => Promise<Out>;
  /** What it gets for a failure. */
  failure: (errors: readonly GraphQLError[]) => Out;
};

/**
 * graphql-js's subscribe, but what becomes of each event is `delivery`'s, and the stream ends with TOKEN_EXPIRED when the token does.
 * Hand-written: `return()` must not wait for the next event. A refusal at the start is a result, not a stream.
 */
export const subscribeFresh = async <Out>(
  args: ExecutionArgs & { contextValue: Context },
  delivery: Delivery<Out>,
): Promise<AsyncIterableIterator<Out> | ExecutionResult> => {
  const source = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in source)) return source;
  const events = source[Symbol.asyncIterator]();
  const { principal } = args.contextValue;
  let done = false;
  let isExpired = false;
  const forget = principal
    ? atInstant(principal.expiresAt, () => {
        isExpired = true;
        // Every source of ours answers a waiting next() when it is returned (plugins/abort-subscriptions).
        void events.return?.();
      })
    : () => undefined;
  const finish = (): typeof END => {
    done = true;
    forget();
    return END;
  };
  const fail = (error: unknown): IteratorResult<Out> => {
    finish();
    const known =
      error instanceof GraphQLError
        ? error
        : new GraphQLError(String(error), { originalError: error as Error });
    return { done: false, value: delivery.failure([known]) };
  };
  const results: AsyncIterableIterator<Out> = {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (done) return END;
      try {
        const event = isExpired ? END : await events.next();
        if (!event.done) return { done: false, value: await delivery.event(event.value) };
        return isExpired ? fail(expired()) : finish();
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
