import { chmodSync, chownSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { type Head, readFirstFrame } from './agent/protocol.ts';

/** Any process inside may dial: one sandbox must not use up the descriptors of the server. */
const MAX_CONNECTIONS = 512;
const FIRST_FRAME_MS = 10_000;

/**
 * Listens on the Unix socket of one sandbox, which only its user `uid` may dial. The first frame of a connection says what it is for;
 * `accept` tells whether that was asked for, else the connection is closed.
 */
export const listen = async (
  path: string,
  uid: number,
  accept: (head: Head, socket: Socket) => boolean,
): Promise<{ close(): void }> => {
  const sockets = new Set<Socket>();
  const onConnection = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    socket.setTimeout(FIRST_FRAME_MS, () => socket.destroy());
    readFirstFrame(
      socket,
      (head) => {
        socket.setTimeout(0);
        socket.removeAllListeners('timeout');
        if (!accept(head, socket)) socket.destroy();
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
  return {
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
};
