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

/**
 * graphql-js's subscribe, but each event is executed by `run`, and the stream ends with TOKEN_EXPIRED when the token does.
 * Hand-written: `return()` must not wait for the next event.
 */
export const subscribeFresh = async (
  args: ExecutionArgs & { contextValue: Context },
  run: (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>,
  mask: (result: ExecutionResult) => ExecutionResult,
): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> => {
  const source = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in source)) return mask(source);
  const events = source[Symbol.asyncIterator]();
  const { promise: over, resolve: expire } = Promise.withResolvers<'expired'>();
  const { principal } = args.contextValue;
  const forget = principal
    ? atInstant(principal.expiresAt, () => expire('expired'))
    : () => undefined;
  let done = false;
  const finish = (): typeof END => {
    done = true;
    forget();
    return END;
  };
  const results: AsyncIterableIterator<ExecutionResult> = {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (done) return END;
      try {
        const event = await Promise.race([events.next(), over]);
        if (event === 'expired') {
          finish();
          void events.return?.();
          return { done: false, value: mask({ errors: [expired()] }) };
        }
        if (event.done) return finish();
        return { done: false, value: mask(await run({ ...args, rootValue: event.value })) };
      } catch (error) {
        finish();
        return {
          done: false,
          value: mask({
            errors: [
              error instanceof GraphQLError
                ? error
                : new GraphQLError(String(error), { originalError: error as Error }),
            ],
          }),
        };
      }
    },
    async return() {
      if (!done) void events.return?.();
      return finish();
    },
  };
  return results;
};
