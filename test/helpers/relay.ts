import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tieSockets } from './tied-sockets.ts';

/** One address that leads to a server behind it, which can be exchanged, as a load balancer in front of a database does. */
export const openRelay = async (target: number) => {
  let port = target;
  const sockets = new Set<Socket>();
  let cut: { after: string; done(): void } | null = null;
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let isArmed = false;
    client.prependListener('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1');
      if (cut && text.includes(cut.after)) isArmed = true;
      if (!isArmed || !/commit/i.test(text)) return;
      isArmed = false;
      // The server behind does what it was asked for, and its answer goes nowhere.
      upstream.unpipe(client);
      upstream.once('data', () => {
        cut?.done();
        cut = null;
        client.destroy();
      });
      upstream.resume();
    });
    tieSockets(sockets, client, upstream);
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    /** New connections lead there; those there are end. */
    switchTo(other: number): void {
      port = other;
      for (const socket of sockets) socket.destroy();
    },
    /** Resolves when the answer to the commit of the next transaction with this text was lost, with its connection. */
    loseCommit(after: string): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      cut = { after, done: resolve };
      return promise;
    },
    close(): void {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
};
