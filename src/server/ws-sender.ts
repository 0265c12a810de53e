import type { WebSocket } from 'ws';

const END = { done: true, value: undefined } as const;

/**
 * Sends results that are JSON already as `next` messages of one operation. graphql-ws would write each as JSON anew; it is shown an
 * iterator that yields nothing, ends with the stream, and can be returned. The next event is pulled when the last one has left.
 */
export const sendAll = (
  results: AsyncIterableIterator<string>,
  id: string,
  socket: WebSocket,
): AsyncGenerator<never, undefined> => {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  let stopped = false;
  const sent = (text: string): Promise<void> =>
    new Promise((resolve) => {
      // A socket that has broken is closed by its own handler.
      socket.send(text, () => resolve());
    });
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      while (!stopped) {
        const result = await results.next();
        if (result.done || stopped || socket.readyState !== socket.OPEN) break;
        await sent(`${head}${result.value}}`);
      }
      return END;
    },
    async return() {
      stopped = true;
      await results.return?.();
      return END;
    },
    throw: (error) => Promise.reject(error),
    async [Symbol.asyncDispose]() {
      await this.return(undefined);
    },
  };
};
