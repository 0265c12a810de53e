import { AppError } from '../errors.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT']);

const toAppError = (error: unknown): unknown => {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof AppError || typeof code !== 'string' || syscall === undefined) return error;
  return FULL.has(code)
    ? new AppError(
        'NO_SPACE',
        'The disk of the server is full, so that no output can be recorded. Its operator has to free space; try again later.',
        { retryable: true, cause: error },
      )
    : new AppError(
        'UNAVAILABLE',
        `The server cannot write or read its records of output at the moment (${code}). Try again; the log of the server says more.`,
        { cause: error },
      );
};

/** The outcome of `work`, with what the disk refuses told as what it is to callers. */
export const withDiskErrors = async <Value>(work: () => Promise<Value> | Value): Promise<Value> => {
  try {
    return await work();
  } catch (error) {
    throw toAppError(error);
  }
};
