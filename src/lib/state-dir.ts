import { mkdir } from 'node:fs/promises';
import { AppError } from '../errors.ts';
import { withTimeLimit } from './time-limit.ts';

const LIMIT_MS = 10_000;

/** Makes the state directory. `INVALID_ARGUMENT` where that cannot be; on some file systems, such as /proc, the call never returns. */
export const makeStateDir = async (path: string): Promise<void> => {
  try {
    await withTimeLimit(
      mkdir(path, { recursive: true, mode: 0o711 }),
      LIMIT_MS,
      () => new Error('the file system did not answer'),
    );
  } catch (error) {
    throw new AppError(
      'INVALID_ARGUMENT',
      `SANDBANK_STATE_DIR: ${path} cannot be made a directory (${(error as Error).message}). Name a directory that this user may write to.`,
      { cause: error },
    );
  }
};
