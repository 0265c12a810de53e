import { posix } from 'node:path';
import { AppError } from '../../errors.ts';

const MAX_PATH = 4_096;

export const checkedPath = (path: string): string => {
  if (path.includes('\0') || path === '')
    throw new AppError('INVALID_ARGUMENT', 'A path must not be empty or contain NUL.');
  if (Buffer.byteLength(path) > MAX_PATH || !path.isWellFormed())
    throw new AppError(
      'INVALID_ARGUMENT',
      `A path must be well-formed text of at most ${MAX_PATH} bytes.`,
    );
  return path;
};

export const absolute = (home: string, path: string): string => posix.resolve(home, path);
