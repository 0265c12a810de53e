import { AppError, type ErrorCode } from '../../errors.ts';

/** What the engine answers, by HTTP status: its words differ between engines and versions. */
const STATUSES: Readonly<Record<number, ErrorCode>> = {
  400: 'INVALID_ARGUMENT',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
};
const SOCKETS: Readonly<Record<string, string>> = {
  ENOENT:
    'There is no such socket. Start Docker (`systemctl start docker`) or podman (`systemctl start podman.socket`, or `podman system service --time=0 unix:///run/podman/podman.sock`), or set SANDBANK_DOCKER_HOST to its socket.',
  ECONNREFUSED:
    'Nothing listens on the socket. Start Docker (`systemctl start docker`) or podman (`systemctl start podman.socket`), or set SANDBANK_DOCKER_HOST to its socket.',
  EACCES:
    'This user may not open the socket. Add the user to the group that owns it (`usermod -aG docker USER`), then log in again.',
};

export type EngineFailure = { statusCode?: unknown; code?: unknown; json?: unknown };

export const statusOf = (error: unknown): number | null => {
  const { statusCode } = (typeof error === 'object' && error ? error : {}) as EngineFailure;
  return typeof statusCode === 'number' ? statusCode : null;
};

/** What the engine wrote beside the status, for people only. */
const wordsOf = (error: unknown): string => {
  const { json } = (typeof error === 'object' && error ? error : {}) as EngineFailure;
  const { message } = (typeof json === 'object' && json ? json : {}) as { message?: unknown };
  return typeof message === 'string' ? message.toWellFormed().slice(0, 300) : '';
};

/** `what` completes the sentence "The container engine could not …". */
export const toAppError = (error: unknown, what: string, socketPath: string): AppError => {
  if (error instanceof AppError) return error;
  const status = statusOf(error);
  // runc says so in words alone, with a status of 500.
  if (status !== null && /rlimit/i.test(wordsOf(error)))
    return new AppError(
      'UNAVAILABLE',
      `The container engine may not raise the limits of a process on this machine. Set SANDBANK_DOCKER_ULIMITS to values that it may set, such as nofile=1024:20000,nproc=4096:4096. It said: ${wordsOf(error)}`,
      { retryable: false, cause: error },
    );
  if (status !== null)
    return new AppError(
      STATUSES[status] ?? 'UNAVAILABLE',
      `The container engine could not ${what} (HTTP ${status}). ${wordsOf(error)}`.trim(),
      { cause: error },
    );
  const { code } = (typeof error === 'object' && error ? error : {}) as EngineFailure;
  const advice =
    SOCKETS[String(code)] ?? 'The connection broke off. Check that the engine runs, then retry.';
  return new AppError(
    'UNAVAILABLE',
    `The container engine at ${socketPath} could not ${what}. ${advice}`,
    { cause: error },
  );
};

/** Nobody knows whether it was done. */
export const toAmbiguous = (error: AppError): AppError =>
  new AppError(
    'UNAVAILABLE',
    `${error.message} Whether the process was started is not known; look at what it would have done before starting it again.`,
    { retryable: false, details: { ambiguous: true }, cause: error },
  );
