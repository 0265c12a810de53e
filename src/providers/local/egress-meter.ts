import type { Logger } from 'pino';
import type { NetworkPolicy } from '../types/sandbox.ts';
import { createEgress } from './egress.ts';
import type { Link } from './link.ts';

/** Connects a sandbox to the outside as far as its policy goes. The function that is returned tells the bytes in both directions so far. */
export const serveEgress = (link: Link, network: NetworkPolicy, log: Logger): (() => number) => {
  if (network.mode === 'none') return () => 0;
  const egress = createEgress({ policy: () => network, log });
  /** Of tunnels that are closed; the open ones know theirs. */
  let closedBytes = 0;
  const open = new Set<() => number>();
  link.onEgress((socket) => {
    const count = (): number => socket.bytesRead + socket.bytesWritten;
    open.add(count);
    socket.once('close', () => {
      open.delete(count);
      closedBytes += count();
    });
    egress.handle(socket);
  });
  return () => [...open].reduce((sum, count) => sum + count(), closedBytes);
};
