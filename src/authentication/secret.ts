import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';

const MIN_BYTES = 32;

/** The configured secret, else the one in `stateDir/secret` (created at the first start, mode 0600). */
export const loadSecret = async (stateDir: string, configured?: string): Promise<string> => {
  if (configured !== undefined) {
    if (Buffer.byteLength(configured) < MIN_BYTES)
      throw new AppError(
        'INVALID_ARGUMENT',
        `The JWT secret (SANDBANK_JWT_SECRET) has ${Buffer.byteLength(configured)} bytes, but must have at least ${MIN_BYTES}.`,
      );
    return configured;
  }
  const file = join(stateDir, 'secret');
  // O_EXCL: of two servers that start at once, the second reads what the first has written.
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
      `The secret file ${file} is damaged. Remove it to get a new secret; tokens signed with the old one become invalid.`,
    );
  return secret;
};
