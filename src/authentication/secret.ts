import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';

const MIN_BYTES = 32;

/** The given secret, else the one kept in `stateDir/secret` (made at the first start, mode 0600). */
export const loadSecret = async (stateDir: string, given?: string): Promise<string> => {
  if (given !== undefined) {
    if (Buffer.byteLength(given) < MIN_BYTES)
      throw new AppError(
        'INVALID_ARGUMENT',
        `The JWT secret must have at least ${MIN_BYTES} bytes.`,
      );
    return given;
  }
  const file = join(stateDir, 'secret');
  // O_EXCL: of two that start at once, the one that comes second reads what the first has written.
  await writeFile(file, randomBytes(MIN_BYTES).toString('base64url'), {
    flag: 'wx',
    mode: 0o600,
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const secret = await readFile(file, 'utf8');
  if (Buffer.byteLength(secret) < MIN_BYTES)
    throw new AppError(
      'INVALID_ARGUMENT',
      `${file} is damaged. Remove it to get a new secret; tokens made with the old one end.`,
    );
  return secret;
};
