import { AppError, type ErrorCode } from '../../errors.ts';

/** errno of the supervisor → our code and what to do. */
const CODES: Record<string, readonly [ErrorCode, string]> = {
  ENOENT: ['NOT_FOUND', 'Check the path.'],
  ENOTDIR: ['INVALID_ARGUMENT', 'A part of the path is not a directory.'],
  EISDIR: ['INVALID_ARGUMENT', 'It is a directory.'],
  EINVAL: ['INVALID_ARGUMENT', ''],
  ELOOP: ['INVALID_ARGUMENT', 'Too many symbolic links.'],
  ENAMETOOLONG: ['INVALID_ARGUMENT', 'A name may have 255 bytes.'],
  ERR_INVALID_ARG_VALUE: ['INVALID_ARGUMENT', ''],
  ERR_INVALID_ARG_TYPE: ['INVALID_ARGUMENT', ''],
  EEXIST: ['ALREADY_EXISTS', 'Choose another path, or allow overwriting.'],
  ENOTEMPTY: ['CONFLICT', 'The directory has entries; remove it recursively.'],
  EACCES: [
    'FORBIDDEN',
    'The sandbox user may not do that there; its own folders are /home/user and /tmp.',
  ],
  EPERM: ['FORBIDDEN', 'The sandbox user may not do that.'],
  EROFS: ['FORBIDDEN', 'That part of the system is read-only; use /home/user or /tmp.'],
  EXDEV: ['FORBIDDEN', 'The two paths are on different file systems.'],
  ENOSPC: ['NO_SPACE', 'The disk of the sandbox is full; remove files.'],
  EDQUOT: ['NO_SPACE', 'The disk of the sandbox is full; remove files.'],
  EFBIG: ['NO_SPACE', 'The file is larger than the disk limit.'],
  EMFILE: ['UNAVAILABLE', 'Too many open files in the sandbox.'],
  EAGAIN: ['UNAVAILABLE', 'The sandbox has reached its limit of processes.'],
  ECONNREFUSED: ['UNAVAILABLE', 'Nothing listens on that port inside the sandbox.'],
  EPRECONDITION: ['PRECONDITION_FAILED', 'Read it again and retry with its new sha256.'],
  EPIPE: ['CONFLICT', 'Nothing more can be written to it.'],
  ESRCH: ['TERMINATED', 'Its exit can still be read.'],
  EBUSY: ['CONFLICT', 'It is in use by the system.'],
  UNSUPPORTED: ['UNSUPPORTED', ''],
};

/** What the supervisor answered instead of a value. It runs beside untrusted code: this may be anything. */
export const toAppError = (error: unknown): AppError => {
  const { code = 'EIO', message = '' } = (typeof error === 'object' && error ? error : {}) as {
    code?: string;
    message?: string;
  };
  // Node's own checks of a copy: a directory onto a file, into itself, of a socket.
  const known = String(code).startsWith('ERR_FS_') ? 'EINVAL' : String(code);
  const [ours, advice] = CODES[known] ?? (['INTERNAL', ''] as const);
  return new AppError(ours, `${String(message).slice(0, 500)}. ${advice}`.trim());
};

export const disconnected = (): AppError =>
  new AppError('UNAVAILABLE', 'The sandbox does not answer; it may be ending. Ask for its state.');

/** The connection ended after the request was sent: whether the process runs is not known. */
export const spawnUnanswered = (): AppError =>
  new AppError('UNAVAILABLE', 'The sandbox did not say whether the process runs.', {
    retryable: false,
    details: { ambiguous: true },
  });

/** It is there and does not do what it was asked for. */
export const silent = (): AppError =>
  new AppError('UNAVAILABLE', 'The sandbox does not answer. Try again, or destroy it.');

/** More was sent to it than it takes. Nothing of this request was. */
export const overloaded = (): AppError =>
  new AppError(
    'UNAVAILABLE',
    'The sandbox does not take what is sent to it. Try again in a few seconds, or destroy it.',
    { retryAfterMs: 5_000 },
  );

export const timedOut = (op: string, ms: number): AppError =>
  new AppError('TIMEOUT', `The sandbox did not answer "${op}" within ${ms / 1_000} s.`);

export const frameTooLarge = (): AppError =>
  new AppError(
    'TOO_LARGE',
    'The command and its variables are larger than a sandbox takes at once. Write them to a file.',
  );
