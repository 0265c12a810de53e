import SchemaBuilder, {
  BasePlugin,
  type PothosOutputFieldConfig,
  type SchemaTypes,
} from '@pothos/core';
import type { GraphQLFieldResolver } from 'graphql';

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      abortSubscriptions: AbortSubscriptionsPlugin<Types>;
    }
  }
}

export const abortSubscriptions = 'abortSubscriptions' as const;

/**
 * An async generator that waits for its next event queues `return()` behind that event, so a source would outlive its client.
 * Here `return()` aborts `context.signal` for the source, answers at once, and lets the generator end in its own time.
 */
class AbortSubscriptionsPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapSubscribe(
    subscribe: GraphQLFieldResolver<unknown, Types['Context'], object> | undefined,
    _config: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> | undefined {
    if (!subscribe) return subscribe;
    return async (source, args, context, info) => {
      const controller = new AbortController();
      const outer: AbortSignal = (context as { signal: AbortSignal }).signal;
      const abort = (): void => controller.abort();
      if (outer.aborted) abort();
      else outer.addEventListener('abort', abort, { once: true });
      const scoped = Object.create(context as object, { signal: { value: controller.signal } });
      try {
        const events = (await subscribe(source, args, scoped, info)) as AsyncIterable<unknown>;
        return stoppable(events, controller, () => outer.removeEventListener('abort', abort));
      } catch (error) {
        outer.removeEventListener('abort', abort);
        throw error;
      }
    };
  }
}

const END: IteratorResult<unknown> = { done: true, value: undefined };

const stoppable = (
  events: AsyncIterable<unknown>,
  controller: AbortController,
  release: () => void,
): AsyncIterableIterator<unknown> => {
  const iterator = events[Symbol.asyncIterator]();
  let done = false;
  let wake = (): void => undefined;
  const finish = (): void => {
    done = true;
    release();
    wake();
    controller.abort();
  };
  controller.signal.addEventListener('abort', () => wake(), { once: true });
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      if (done) return Promise.resolve(END);
      // Not Promise.race: with a promise that lives as long as the stream it would keep a reaction for every event.
      return new Promise((resolve, reject) => {
        wake = () => resolve(END);
        iterator.next().then(
          (result) => {
            if (result.done) finish();
            resolve(result);
          },
          (error: unknown) => {
            // Before it ends: the end would wake this reader with none.
            reject(error);
            finish();
          },
        );
      });
    },
    async return() {
      if (!done) {
        finish();
        // The source sees the aborted signal; what it throws while ending concerns nobody.
        void Promise.resolve(iterator.return?.()).catch(() => undefined);
      }
      return END;
    },
  };
};

SchemaBuilder.registerPlugin(abortSubscriptions, AbortSubscriptionsPlugin);
