import type { Socket } from 'node:net';

/** Two ends of one connection: what ends one ends the other. `sockets` holds them as long as they live. */
export const tieSockets = (sockets: Set<Socket>, client: Socket, upstream: Socket): void => {
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    sockets.add(one);
    one.on('error', () => other.destroy());
    one.on('close', () => {
      sockets.delete(one);
      other.destroy();
    });
  }
};
