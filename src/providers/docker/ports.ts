import { Duplex } from 'node:stream';
import { AppError } from '../../errors.ts';
import type { VendorHandle } from '../types/handle.ts';
import { type Engine, inspectExec } from './engine.ts';
import type { Piece } from './frames.ts';
import { relays } from './relays.ts';
import { KILL_TREE, LISTENING } from './scripts.ts';
import { ask, collect, openSession, type Session } from './session.ts';

const MAX_TABLE = 2 ** 20;
const MAX_TUNNELS = 64;
const LINGER_MS = 2_000;
const LISTEN_STATE = '0A';

/** Ports of the lines of /proc/net/tcp whose socket listens. */
export const parseListening = (table: string): number[] => {
  const found = table.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const port = Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16);
    return state === LISTEN_STATE && port > 0 && port <= 65_535 ? [port] : [];
  });
  return [...new Set(found)].sort((a, b) => a - b);
};

async function* onlyBytes(pieces: AsyncIterable<Piece>): AsyncGenerator<Buffer> {
  for await (const { stream, bytes } of pieces) if (stream === 'stdout') yield bytes;
}

/**
 * Connections to ports inside, each over a small program in the container that copies both ways: the engine has no way into the network of a
 * container that has none.
 */
export const createPorts = (engine: Engine, ref: string): NonNullable<VendorHandle['ports']> => {
  let open = 0;
  /** The relay ends with its input; one that is held up by its other side is killed, so that it does not use up the processes of the sandbox. */
  const finish = ({ execId, socket, greeting }: Session, id: string): void => {
    socket.end();
    const reap = async (): Promise<void> => {
      try {
        const { isRunning } = await inspectExec(engine, execId);
        if (isRunning) await ask(engine, ref, KILL_TREE, [greeting.slice('ok '.length), id]);
      } catch {
        // The container has ended, and the relay with it.
      } finally {
        socket.destroy();
        open -= 1;
      }
    };
    setTimeout(() => void reap(), LINGER_MS).unref();
  };
  return {
    list: async (signal) =>
      parseListening(await collect(engine, ref, LISTENING, MAX_TABLE, signal)),
    async dial(port, signal) {
      if (open >= MAX_TUNNELS)
        throw new AppError(
          'LIMIT_EXCEEDED',
          `At most ${MAX_TUNNELS} connections to ports of one sandbox are open at once. Close others first.`,
        );
      open += 1;
      const session = await openSession(
        engine,
        ref,
        { script: relays, args: [String(port)] },
        signal,
      ).catch((error: unknown) => {
        open -= 1;
        throw error;
      });
      const { greeting, socket, pieces } = session;
      if (/^ok \d+$/.test(greeting)) {
        const duplex = Duplex.from({ readable: onlyBytes(pieces), writable: socket });
        duplex.once('end', () => duplex.end());
        duplex.once('close', () => finish(session, `relay-${session.execId}`));
        return duplex;
      }
      socket.destroy();
      open -= 1;
      if (greeting === 'none')
        throw new AppError(
          'UNSUPPORTED',
          'The image of this sandbox has no program that can reach its ports: it needs python3, perl or bash.',
          { details: { capability: 'ports', provider: 'docker' } },
        );
      throw new AppError(
        'UNAVAILABLE',
        `Nothing listens on port ${port} inside the sandbox. Start the server first, on 127.0.0.1 or 0.0.0.0.`,
      );
    },
  };
};
