import type { WebSocket } from 'ws';
import { errorTable } from '../error-table.ts';
import { AppError } from '../errors.ts';

/** WebSocket's own "service restart"; graphql-transport-ws leaves the code for this open. */
const SERVICE_RESTART = 1012;
/** A reason has at most 123 bytes; a character that is cut in two becomes three bytes. */
const MAX_REASON_BYTES = 120;

/** Closes with the code of the error and, as far as there is room, its message. */
export const closeWithError = (socket: WebSocket, error: unknown): void => {
  const code = error instanceof AppError ? error.code : 'INTERNAL';
  const text = error instanceof AppError ? `${code}: ${error.message}` : 'Forbidden';
  const reason = Buffer.from(text).subarray(0, MAX_REASON_BYTES).toString();
  socket.close(errorTable[code].closeCode, reason);
};

export const closeRestarting = (socket: WebSocket): void =>
  socket.close(SERVICE_RESTART, 'The server restarts. Reconnect and resume by cursor.');
