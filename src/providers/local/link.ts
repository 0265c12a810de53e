import { chmodSync, chownSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { AppError, type ErrorCode } from '../../errors.ts';
import { withTimeLimit } from '../../lib/time-limit.ts';
import { createDecoder, encodeFrame, type Head, readFirstFrame } from './agent/protocol.ts';

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
/** A supervisor whose server has gone dials every 50 ms; one that is stopped, or starved, may take longer or for ever. */
const FIRST_HELLO_MS = 10_000;
/** Any process inside may dial: one sandbox must not use up the descriptors of the server. */
const MAX_CONNECTIONS = 512;
const FIRST_FRAME_MS = 10_000;

/** errno of the supervisor → our code and what to do. */
const CODES: Record<string, readonly [ErrorCode, string]> = {
  ENOENT: ['NOT_FOUND', 'Check the path.'],
  ENOTDIR: ['INVALID_ARGUMENT', 'A part of the path is not a directory.'],
  EISDIR: ['INVALID_ARGUMENT', 'It is a directory.'],
  EINVAL: ['INVALID_ARGUMENT', ''],
  ELOOP: ['INVALID_ARGUMENT', 'Too many symbolic links.'],
  ENAMETOOLONG: ['INVALID_ARGUMENT', 'A name may have 255 bytes.'],
  ERR_INVALID_ARG_VALUE: ['INVALID_ARGUMENT', ''],
  ERR_INVALID_ARG_TYPE: ['INVALID_ARGUMENT', ''],
  EEXIST: ['ALREADY_EXISTS', 'Choose another path, or allow overwriting.'],
  ENOTEMPTY: ['CONFLICT', 'The directory has entries; remove it recursively.'],
  EACCES: [
    'FORBIDDEN',
    'The sandbox user may not do that there; its own folders are /home/user and /tmp.',
  ],
  EPERM: ['FORBIDDEN', 'The sandbox user may not do that.'],
  EROFS: ['FORBIDDEN', 'That part of the system is read-only; use /home/user or /tmp.'],
  EXDEV: ['FORBIDDEN', 'The two paths are on different file systems.'],
  ENOSPC: ['NO_SPACE', 'The disk of the sandbox is full; remove files.'],
  EDQUOT: ['NO_SPACE', 'The disk of the sandbox is full; remove files.'],
  EFBIG: ['NO_SPACE', 'The file is larger than the disk limit.'],
  EMFILE: ['UNAVAILABLE', 'Too many open files in the sandbox.'],
  EAGAIN: ['UNAVAILABLE', 'The sandbox has reached its limit of processes.'],
  ECONNREFUSED: ['UNAVAILABLE', 'Nothing listens on that port inside the sandbox.'],
  EPRECONDITION: ['PRECONDITION_FAILED', 'Read it again and retry with its new sha256.'],
  EPIPE: ['CONFLICT', 'Nothing more can be written to it.'],
  ESRCH: ['TERMINATED', 'Its exit can still be read.'],
  EBUSY: ['CONFLICT', 'It is in use by the system.'],
  UNSUPPORTED: ['UNSUPPORTED', ''],
};

const toAppError = (error: unknown): AppError => {
  const { code = 'EIO', message = '' } = (typeof error === 'object' && error ? error : {}) as {
    code?: string;
    message?: string;
  };
  // Node's own checks of a copy: a directory onto a file, into itself, of a socket.
  const known = String(code).startsWith('ERR_FS_') ? 'EINVAL' : String(code);
  const [ours, advice] = CODES[known] ?? (['INTERNAL', ''] as const);
  return new AppError(ours, `${String(message).slice(0, 500)}. ${advice}`.trim());
};

type Waiting = {
  op: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
};

export const openLink = async (path: string, uid: number): Promise<Link> => {
  const waiting = new Map<number, Waiting>();
  const awaited = new Map<string, (socket: Socket) => void>();
  const listeners = new Map<string, (head: Head, body: Buffer) => void>();
  const sockets = new Set<Socket>();
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  let control: Socket | null = null;
  let egress: ((socket: Socket) => void) | null = null;
  let closed = false;
  let counter = 0;

  const onFrame = (head: Head, body: Buffer): void => {
    if (head.t !== 'res') {
      listeners.get(head.t)?.(head, body);
      return;
    }
    const entry = waiting.get(Number(head.id));
    if (!entry) return;
    waiting.delete(Number(head.id));
    clearTimeout(entry.timer);
    if (head.error) entry.reject(toAppError(head.error));
    else entry.resolve(head.value);
  };

  const gone = (): AppError =>
    new AppError(
      'UNAVAILABLE',
      'The sandbox does not answer; it may be ending. Ask for its state.',
    );
  /** It was sent: whether it runs is not known. */
  const unanswered = (): AppError =>
    new AppError('UNAVAILABLE', 'The sandbox did not say whether the process runs.', {
      retryable: false,
      details: { ambiguous: true },
    });
  const failAll = (): void => {
    for (const { op, reject, timer } of waiting.values()) {
      clearTimeout(timer);
      reject(op === 'spawn' ? unanswered() : gone());
    }
    waiting.clear();
  };

  const onConnection = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      sockets.delete(socket);
      if (control !== socket) return;
      control = null;
      failAll();
    });
    socket.setTimeout(FIRST_FRAME_MS, () => socket.destroy());
    readFirstFrame(
      socket,
      (head) => {
        socket.setTimeout(0);
        socket.removeAllListeners('timeout');
        const name = String(head.stream);
        if (head.t === 'hello' && !control) {
          control = socket;
          const decode = createDecoder(onFrame);
          socket.on('data', (chunk: Buffer) => {
            try {
              decode(chunk);
            } catch {
              socket.destroy();
            }
          });
          ready.resolve();
        } else if (head.t === 'stream' && name === 'egress' && egress) egress(socket);
        else if (head.t === 'stream' && awaited.has(name)) {
          awaited.get(name)?.(socket);
          awaited.delete(name);
        } else socket.destroy();
      },
      () => socket.destroy(),
    );
  };

  rmSync(path, { force: true });
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: false }, onConnection);
  server.maxConnections = MAX_CONNECTIONS;
  server.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  if (process.getuid?.() === 0) chownSync(path, uid, uid);
  chmodSync(path, 0o600);

  const silent = (): AppError =>
    new AppError('UNAVAILABLE', 'The sandbox does not answer. Try again, or destroy it.');
  let greeted = false;
  ready.promise.then(
    () => {
      greeted = true;
    },
    () => undefined,
  );
  /** Before its first hello a supervisor is waited for: after a restart of the server it needs a moment to dial. */
  const request = (
    op: string,
    fields: object = {},
    body?: Uint8Array,
    timeoutMs = REQUEST_TIMEOUT_MS,
  ): Promise<unknown> =>
    greeted || control || closed
      ? send(op, fields, body, timeoutMs)
      : withTimeLimit(ready.promise, FIRST_HELLO_MS, silent).then(() =>
          send(op, fields, body, timeoutMs),
        );
  const send = (
    op: string,
    fields: object,
    body: Uint8Array | undefined,
    timeoutMs: number,
  ): Promise<unknown> => {
    const socket = control;
    if (!socket) return Promise.reject(gone());
    const id = ++counter;
    let frame: Buffer;
    try {
      frame = encodeFrame({ ...fields, t: 'req', op, id }, body);
    } catch (error) {
      return Promise.reject(
        error instanceof RangeError
          ? new AppError(
              'TOO_LARGE',
              'The command and its variables are larger than a sandbox takes at once. Write them to a file.',
            )
          : error,
      );
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(
          new AppError(
            'TIMEOUT',
            `The sandbox did not answer "${op}" within ${timeoutMs / 1_000} s.`,
          ),
        );
      }, timeoutMs);
      waiting.set(id, { op, resolve, reject, timer });
      socket.write(frame);
    });
  };

  return {
    ready: ready.promise,
    isOpen: () => control !== null,
    request,
    notify: (head) => void control?.write(encodeFrame(head)),
    async stream(op, fields) {
      const name = `s${++counter}`;
      const opened = Promise.withResolvers<Socket>();
      awaited.set(name, opened.resolve);
      // A bulk stream takes as long as it takes; the request ends with it or with the sandbox.
      const result = request(op, { ...fields, stream: name }, undefined, 2 ** 31 - 1);
      result.catch((error: Error) => {
        awaited.delete(name);
        opened.reject(error);
      });
      const socket = await withTimeLimit(opened.promise, REQUEST_TIMEOUT_MS, silent).finally(() =>
        awaited.delete(name),
      );
      return { name, socket, result };
    },
    on: (type, listener) => void listeners.set(type, listener),
    onEgress: (handle) => {
      egress = handle;
    },
    close() {
      if (closed) return;
      closed = true;
      server.close();
      for (const socket of sockets) socket.destroy();
      failAll();
      ready.reject(gone());
    },
  };
};
