import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Json } from '../graphql/json.ts';

/**
 * What is to be sent in this turn of the event loop leaves together at its end: the writes of a thousand subscribers one after the other,
 * with nothing in between, take half the time.
 */
const outbox: (() => void)[] = [];
const flush = (): void => {
  for (const send of outbox.splice(0)) send();
};
const sendSoon = (send: () => void): void => {
  if (outbox.push(send) === 1) setImmediate(flush);
};

const END = { done: true, value: undefined } as const;

/**
 * Sends results that are JSON already as `next` messages of one operation. graphql-ws would write each as JSON anew; it is shown an
 * iterator that yields nothing, ends with the stream, and can be returned. The next event is pulled when the last one has left.
 */
export const sendAll = (
  results: AsyncIterableIterator<Json>,
  id: string,
  socket: WebSocket,
  raw: Socket,
): AsyncGenerator<never, undefined> => {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  let stopped = false;
  const send = (json: Json, done: () => void): void => {
    if (typeof json === 'string') {
      socket.send(`${head}${json}}`, done);
      return;
    }
    // In fragments, which leave in one write: a large result is not copied for each subscriber.
    raw.cork();
    socket.send(head, { fin: false });
    socket.send(json, { fin: false, binary: false });
    socket.send('}', { fin: true }, done);
    raw.uncork();
  };
  const sent = (json: Json): Promise<void> =>
    new Promise((resolve) => {
      sendSoon(() => {
        // A socket that has broken is closed by its own handler.
        if (stopped || socket.readyState !== socket.OPEN) resolve();
        else send(json, () => resolve());
      });
    });
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      while (!stopped) {
        const result = await results.next();
        if (result.done) break;
        await sent(result.value);
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
