import type { Socket } from 'node:net';
import { encodeFrame, type Head } from './agent/protocol.ts';
import {
  disconnected,
  frameTooLarge,
  overloaded,
  spawnUnanswered,
  timedOut,
  toAppError,
} from './link-errors.ts';

export type Request = {
  op: string;
  fields: object;
  body?: Uint8Array | undefined;
  timeoutMs: number;
};

/** Requests that were sent to a supervisor and wait for its answer. */
export type Requests = {
  send(socket: Socket, request: Request): Promise<unknown>;
  /** A frame that answers one of them. */
  settle(answer: Head): void;
  failAll(): void;
};

/** Bytes that one supervisor has not taken yet: some of the largest frames, for processes that are slow to read. */
const MAX_PENDING = 8 * 2 ** 20;

type Waiting = {
  op: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
};

export const createRequests = (): Requests => {
  const waiting = new Map<number, Waiting>();
  let counter = 0;

  return {
    async send(socket, { op, fields, body, timeoutMs }) {
      const id = ++counter;
      let frame: Buffer;
      try {
        frame = encodeFrame({ ...fields, t: 'req', op, id }, body);
      } catch (error) {
        throw error instanceof RangeError ? frameTooLarge() : error;
      }
      // One that reads nothing must not make this process hold whatever callers send to it.
      if (socket.writableLength + frame.length > MAX_PENDING) throw overloaded();
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(id);
          reject(timedOut(op, timeoutMs));
        }, timeoutMs);
        waiting.set(id, { op, resolve, reject, timer });
        socket.write(frame);
      });
    },
    settle({ id, error, value }) {
      const request = waiting.get(Number(id));
      if (!request) return;
      waiting.delete(Number(id));
      clearTimeout(request.timer);
      if (error) request.reject(toAppError(error));
      else request.resolve(value);
    },
    failAll() {
      for (const { op, reject, timer } of waiting.values()) {
        clearTimeout(timer);
        reject(op === 'spawn' ? spawnUnanswered() : disconnected());
      }
      waiting.clear();
    },
  };
};
