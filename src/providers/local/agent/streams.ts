import { connect, createServer, type Socket } from 'node:net';
import { encodeFrame } from './protocol.ts';

export type Streams = {
  /** A connection to the server for one bulk stream, raw after its first frame. */
  open(stream: string): Promise<Socket>;
  /** Joins a TCP port of the sandbox to a stream; fails with ECONNREFUSED before the stream is opened. */
  dial(port: number, stream: string): Promise<void>;
};

export const join = (a: Socket, b: Socket): void => {
  a.pipe(b);
  b.pipe(a);
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    one.on('error', () => other.destroy());
    one.once('close', () => other.destroy());
  }
};

const connected = (socket: Socket): Promise<Socket> =>
  new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });

export const openStreams = (path: string): Streams => {
  const open = async (stream: string): Promise<Socket> => {
    const socket = await connected(connect({ path, allowHalfOpen: true }));
    socket.write(encodeFrame({ t: 'stream', stream }));
    return socket;
  };
  return {
    open,
    async dial(port, stream) {
      const inside = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      await connected(inside).catch(() =>
        connected(connect({ port, host: '::1' }))
          .then((socket) => socket.destroy())
          .then(() =>
            Promise.reject(
              Object.assign(new Error('listening on ::1 only'), { code: 'ECONNREFUSED' }),
            ),
          ),
      );
      join(inside, await open(stream));
    },
  };
};

/** The sandbox's only way out: an HTTP proxy address whose far end is the server's egress. */
export const listenForProxy = (streams: Streams): { close(): void } => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    streams.open('egress').then(
      (outside) => join(socket, outside),
      () => socket.destroy(),
    );
  });
  server.on('error', () => undefined);
  server.listen(3128, '127.0.0.1');
  return { close: () => server.close() };
};
