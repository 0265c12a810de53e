import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { onProcessExit } from './process-exit.ts';
import { isAlive } from './processes.ts';
import { isRoot, type User } from './user.ts';

/** Not TMPDIR, which may be closed to other users or too long: podman takes no more than 50 characters for a folder. */
const BASE = '/tmp';

/** Without root, podman's files belong to ids of its user namespace: only there can they be removed. */
const remove = (path: string): void => {
  try {
    rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  } catch (failure) {
    if (isRoot) throw failure;
    execFileSync('podman', ['unshare', 'rm', '-rf', path], { stdio: 'ignore' });
  }
};

/** Removes what a process left behind that was killed before it could clean up. */
const removeStale = (): void => {
  for (const name of readdirSync(BASE)) {
    const [, pid] = /^sandbank-(\d+)-/.exec(name) ?? [];
    if (!pid || isAlive(Number(pid))) continue;
    try {
      remove(join(BASE, name));
    } catch {
      // It belongs to another user, whose own next start removes it.
    }
  }
};

export type Folder = {
  path: string;
  /** Makes a folder in it that only this user can enter. */
  make(name: string, user?: User): Promise<string>;
  remove(): void;
};

/** A temporary folder of this process. Others can pass through it, since services run as another user, but not list it. */
export const openFolder = async (service: string): Promise<Folder> => {
  removeStale();
  const path = await mkdtemp(join(BASE, `sandbank-${process.pid}-${service}-`));
  await chmod(path, 0o711);
  const forget = onProcessExit(() => remove(path));
  return {
    path,
    async make(name, user) {
      const folder = join(path, basename(name));
      await mkdir(folder, { mode: 0o700 });
      if (isRoot && user) await chown(folder, user.uid, user.gid);
      return folder;
    },
    remove() {
      forget();
      remove(path);
    },
  };
};
