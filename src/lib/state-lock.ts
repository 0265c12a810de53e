import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../errors.ts';

const SQLITE_BUSY = 5;

/** Only for the message: who holds the lock is decided by the kernel, never by this file. */
const pidFileOf = (dir: string): string => join(dir, 'server.pid');
const holderOf = (dir: string): string => {
  try {
    return ` (pid ${Number.parseInt(readFileSync(pidFileOf(dir), 'utf8'), 10)})`;
  } catch {
    return '';
  }
};

/** The file that carries the lock. It is never removed or replaced, so that its inode also tells a state directory from its copies. */
export const lockFileOf = (dir: string): string => join(dir, 'lock.sqlite');

const openLockFile = (dir: string): DatabaseSync => {
  try {
    return new DatabaseSync(lockFileOf(dir), { timeout: 0 });
  } catch (error) {
    throw new AppError(
      'UNAVAILABLE',
      `The state directory ${dir} cannot be locked: ${(error as Error).message}. It must be a directory that this server can write to (SANDBANK_STATE_DIR).`,
      { cause: error },
    );
  }
};

/**
 * One server per state directory: two would answer for the same sandboxes. The lock is SQLite's exclusive lock on an empty database, which
 * is a record lock of the kernel (fcntl): it ends with the process that took it, also with one that was killed or is a zombie, it is not
 * inherited by children, and it holds across pid namespaces. Resolves with the release. `CONFLICT` while another server holds it.
 */
export const lockStateDir = async (dir: string): Promise<() => Promise<void>> => {
  const db = openLockFile(dir);
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    throw new AppError(
      'CONFLICT',
      `Another Sandbank server${holderOf(dir)} uses the state directory ${dir}. Stop it, or give this one its own SANDBANK_STATE_DIR.`,
    );
  }
  writeFileSync(pidFileOf(dir), `${process.pid}\n`, { mode: 0o600 });
  return async () => {
    if (db.isOpen) db.close();
  };
};
