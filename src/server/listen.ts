import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';

export const listen = (
  server: HttpServer,
  port: number,
  host: string,
  log: Logger,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void =>
      reject(
        error.code === 'EADDRINUSE'
          ? new AppError(
              'CONFLICT',
              `Port ${port} of ${host} is taken by another program. Stop it, or choose another port (SANDBANK_PORT, SANDBANK_PORTS_PORT).`,
            )
          : new AppError(
              'INVALID_ARGUMENT',
              `The server cannot listen on port ${port} of ${host}: ${error.message}. Check SANDBANK_HOST, SANDBANK_PORT and SANDBANK_PORTS_PORT.`,
            ),
      );
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      // A connection that could not be accepted, for example without descriptors left.
      server.on('error', (error) => log.error({ err: error }, 'a connection was not accepted'));
      resolve((server.address() as AddressInfo).port);
    });
  });

const IDLE_LOOK_MS = 50;

/** Stops accepting, waits for answers under way, then cuts what is left. */
export const closeHttp = (server: HttpServer, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), ms);
    // A connection whose answer was under way becomes idle later, and would be kept for its next request.
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
    server.close(() => {
      clearTimeout(timer);
      clearInterval(idle);
      resolve();
    });
    server.closeIdleConnections();
  });
