import type { Socket } from 'node:net';
import { withTimeLimit } from '../../lib/time-limit.ts';
import { createDecoder, encodeFrame, type Head } from './agent/protocol.ts';
import { disconnected, silent } from './link-errors.ts';
import { createRequests, type Request } from './requests.ts';

type FrameListener = (head: Head, body: Buffer) => void;

/** The connection on which a supervisor takes requests; it dials again whenever it was lost. */
export type Control = {
  /** Resolves at the first hello of the supervisor. */
  ready: Promise<void>;
  isOpen(): boolean;
  /** False when there is one already: any process inside may dial. */
  take(socket: Socket): boolean;
  request(request: Request): Promise<unknown>;
  notify(head: Head): void;
  on(type: string, listener: FrameListener): void;
  /** The sockets are closed by whoever accepted them. */
  close(): void;
};

/** A supervisor whose server has gone dials every 50 ms; one that is stopped, or starved, may take longer or for ever. */
const FIRST_HELLO_MS = 10_000;

export const createControl = (): Control => {
  const requests = createRequests();
  const listeners = new Map<string, FrameListener>();
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  let control: Socket | null = null;
  /** The first hello has come, or never will. */
  let isSettled = false;

  const onFrame: FrameListener = (head, body) => {
    if (head.t === 'res') requests.settle(head);
    else listeners.get(head.t)?.(head, body);
  };
  const send = (request: Request): Promise<unknown> =>
    control ? requests.send(control, request) : Promise.reject(disconnected());

  return {
    ready: ready.promise,
    isOpen: () => control !== null,
    take(socket) {
      if (control) return false;
      control = socket;
      isSettled = true;
      socket.once('close', () => {
        control = null;
        requests.failAll();
      });
      const decode = createDecoder(onFrame);
      socket.on('data', (chunk: Buffer) => {
        try {
          decode(chunk);
        } catch {
          socket.destroy();
        }
      });
      ready.resolve();
      return true;
    },
    /** Before its first hello a supervisor is waited for: after a restart of the server it needs a moment to dial. */
    request: (request) =>
      isSettled
        ? send(request)
        : withTimeLimit(ready.promise, FIRST_HELLO_MS, silent).then(() => send(request)),
    notify: (head) => void control?.write(encodeFrame(head)),
    on: (type, listener) => void listeners.set(type, listener),
    close() {
      isSettled = true;
      requests.failAll();
      ready.reject(disconnected());
    },
  };
};
