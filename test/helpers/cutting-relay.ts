import { connect, createServer, type Socket } from 'node:net';

/** A socket that leads to another one. Connections whose first bytes fit the pattern are cut at once, as by an engine that is restarted. */
export const openCuttingRelay = async (path: string, target: string) => {
  let cut: RegExp | null = null;
  let hits = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    client.on('error', () => undefined);
    client.once('data', (first) => {
      if (cut?.test(first.toString('latin1'))) {
        hits += 1;
        client.destroy();
        return;
      }
      const upstream = connect({ path: target, allowHalfOpen: true });
      upstream.write(first);
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
        one.pipe(other);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    /** null: none. */
    cut(pattern: RegExp | null): void {
      cut = pattern;
    },
    hits: () => hits,
    close(): void {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
};
