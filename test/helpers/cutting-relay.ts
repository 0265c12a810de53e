import { connect, createServer, type Socket } from 'node:net';
import { tieSockets } from './tied-sockets.ts';

/**
 * A socket that leads to another one. Connections whose first bytes fit the pattern are cut as by an engine that is restarted: at once, or when
 * the other side has done what it was asked and answers.
 */
export const openCuttingRelay = async (path: string, target: string) => {
  let cut: RegExp | null = null;
  let isCutAtAnswer = false;
  let hits = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    client.on('error', () => undefined);
    client.once('data', (first) => {
      const isCut = cut?.test(first.toString('latin1')) === true;
      if (isCut) hits += 1;
      if (isCut && !isCutAtAnswer) {
        client.destroy();
        return;
      }
      const upstream = connect({ path: target, allowHalfOpen: true });
      if (isCut) upstream.once('data', () => client.destroy());
      upstream.write(first);
      tieSockets(sockets, client, upstream);
      client.pipe(upstream);
      if (!isCut) upstream.pipe(client);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    /** null: none. */
    cut(pattern: RegExp | null, when: 'at once' | 'at the answer' = 'at once'): void {
      cut = pattern;
      isCutAtAnswer = when === 'at the answer';
    },
    hits: () => hits,
    close(): void {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
};
