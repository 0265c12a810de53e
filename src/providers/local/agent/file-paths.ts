import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fail } from './fail.ts';
import type { Head } from './protocol.ts';

/** Runs inside the sandbox: its mount namespace is the whole path policy, a link to a host-only path leads nowhere. */
export const HOME = '/home/user';

/** The absolute path of a field of a request. */
export const pathOf = (head: Head, field = 'path'): string => resolve(HOME, String(head[field]));

export const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** O_NONBLOCK: opening a FIFO nobody writes to would hold a thread for ever. */
export const openRegular = async (path: string): Promise<FileHandle> => {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw fail('EINVAL', `${path} is not a regular file`);
};
