import type { Socket } from 'node:net';
import { newId } from '../../lib/ids.ts';
import { withTimeLimit } from '../../lib/time-limit.ts';
import type { Head } from './agent/protocol.ts';
import { createControl } from './control.ts';
import { silent } from './link-errors.ts';
import { listen } from './listen.ts';

/** The server's end of one sandbox: a control connection, and one more for every bulk stream. The peer is not trusted. */
export type Link = {
  /** Resolves at the first hello of the supervisor. */
  ready: Promise<void>;
  /** The supervisor is connected now. */
  isOpen(): boolean;
  request(op: string, fields?: object, body?: Uint8Array): Promise<unknown>;
  /** Sends without an answer. */
  notify(head: Head): void;
  /** A request that opens a stream: both together, or the request's failure. */
  stream(
    op: string,
    fields: object,
  ): Promise<{ name: string; socket: Socket; result: Promise<unknown> }>;
  on(type: 'out' | 'change', listener: (head: Head, body: Buffer) => void): void;
  onEgress(handle: (socket: Socket) => void): void;
  close(): void;
};

const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than anybody waits for it: a process that is started late is known then, and can be ended. */
const SPAWN_TIMEOUT_MS = 600_000;
/** A bulk stream takes as long as it takes; the request ends with it or with the sandbox. */
const STREAM_TIMEOUT_MS = 2 ** 31 - 1;

export const openLink = async (path: string, uid: number): Promise<Link> => {
  const control = createControl();
  /** By name, who waits for a stream that the supervisor was asked to open. */
  const awaited = new Map<string, (socket: Socket) => void>();
  let handleEgress: ((socket: Socket) => void) | null = null;
  let closed = false;

  const takeStream = (name: string, socket: Socket): boolean => {
    const take = name === 'egress' ? handleEgress : awaited.get(name);
    awaited.delete(name);
    take?.(socket);
    return Boolean(take);
  };
  const server = await listen(path, uid, (head, socket) => {
    if (head.t === 'hello') return control.take(socket);
    return head.t === 'stream' && takeStream(String(head.stream), socket);
  });

  return {
    ready: control.ready,
    isOpen: control.isOpen,
    request: (op, fields = {}, body) =>
      control.request({
        ...{ op, fields, body },
        timeoutMs: op === 'spawn' ? SPAWN_TIMEOUT_MS : REQUEST_TIMEOUT_MS,
      }),
    notify: control.notify,
    async stream(op, fields) {
      // Not counted: the supervisor may still know a name that an earlier server gave.
      const stream = newId('req');
      const opened = Promise.withResolvers<Socket>();
      awaited.set(stream, opened.resolve);
      const asked = { op, fields: { ...fields, stream }, timeoutMs: STREAM_TIMEOUT_MS };
      const result = control.request(asked);
      result.catch((error: Error) => {
        awaited.delete(stream);
        opened.reject(error);
      });
      const socket = await withTimeLimit(opened.promise, REQUEST_TIMEOUT_MS, silent).finally(() =>
        awaited.delete(stream),
      );
      return { name: stream, socket, result };
    },
    on: control.on,
    onEgress: (handle) => {
      handleEgress = handle;
    },
    close() {
      if (closed) return;
      closed = true;
      server.close();
      control.close();
    },
  };
};
