import { chmod, cp, lstat, mkdir, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail } from './fail.ts';
import { describe } from './file-entries.ts';
import { exists, pathOf } from './file-paths.ts';
import type { Head } from './protocol.ts';

/** What changes the tree of files: directories are made, entries are moved, copied and removed. */
export const makeDirectory = async (head: Head) => {
  const path = pathOf(head);
  if (head.recursive === true) await mkdir(path, { recursive: true });
  else await mkdir(path);
  if (head.permissions !== undefined) await chmod(path, Number(head.permissions));
  return describe(path);
};

/** Both ends of a move or copy: the source is there, the target may be written, and its directory is there. */
const prepare = async (head: Head): Promise<{ from: string; to: string }> => {
  const [from, to] = [pathOf(head, 'from'), pathOf(head, 'to')];
  await lstat(from);
  if (head.overwrite !== true && (await exists(to))) throw fail('EEXIST', `${to} is there already`);
  await mkdir(dirname(to), { recursive: true });
  return { from, to };
};

export const move = async (head: Head) => {
  const { from, to } = await prepare(head);
  await rename(from, to).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EXDEV') throw error;
    await cp(from, to, { recursive: true, force: true });
    await rm(from, { recursive: true });
  });
  return describe(to);
};

export const copy = async (head: Head) => {
  const { from, to } = await prepare(head);
  await cp(from, to, { recursive: true, force: true, verbatimSymlinks: true });
  return describe(to);
};

export const remove = async (head: Head) => {
  const path = pathOf(head);
  const stats = await lstat(path);
  if (!stats.isDirectory()) await unlink(path);
  else if (head.recursive === true) await rm(path, { recursive: true });
  else await rmdir(path);
  return {};
};
