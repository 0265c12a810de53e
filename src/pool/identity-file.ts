import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { lockFileOf } from '../lib/state-lock.ts';
import { writeWhole } from '../lib/write-whole.ts';

const Content = z.object({
  id: z.string(),
  deployment: z.string(),
  /** Starts that are in the database for certain, and the one that was about to be. */
  epoch: z.number(),
  next: z.number(),
});
export type IdentityFile = z.infer<typeof Content>;

const fileOf = (stateDir: string): string => join(stateDir, 'server.json');

/** Which server a state directory is; null before its first start. */
export const readIdentity = (stateDir: string): IdentityFile | null => {
  const file = fileOf(stateDir);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return Content.parse(JSON.parse(text));
  } catch {
    throw new AppError(
      'INVALID_ARGUMENT',
      `${file} is damaged: it must say which server this state directory belongs to. Restore it, or remove it to start as a new server, which does not take up the sandboxes of the old one before an hour has passed.`,
    );
  }
};

export const writeIdentity = (stateDir: string, content: IdentityFile): void =>
  writeWhole(fileOf(stateDir), `${JSON.stringify(content)}\n`);

/** A copied directory has another lock file; one that was moved within a file system, or whose disk was attached elsewhere, has the same. */
export const stateDirIdentity = (stateDir: string): string => {
  const { ino, birthtimeMs } = statSync(lockFileOf(stateDir));
  return `${ino}:${Math.floor(birthtimeMs)}`;
};
