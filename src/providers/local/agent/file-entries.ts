import type { Stats } from 'node:fs';
import { lstat, opendir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { HOME, pathOf } from './file-paths.ts';
import type { Head } from './protocol.ts';

/** What is there: one entry, the entries of a directory, and the bytes that all of them take. */
type Entry = {
  path: string;
  type: 'file' | 'directory' | 'symlink' | 'other';
  size: number;
  mode: number;
  modifiedAt: number;
  symlinkTarget: string | null;
};

const typeOf = (stats: Stats): Entry['type'] => {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
};

export const describe = async (path: string): Promise<Entry> => {
  const stats = await lstat(path);
  return {
    path,
    type: typeOf(stats),
    size: stats.size,
    mode: stats.mode & 0o7777,
    modifiedAt: Math.round(stats.mtimeMs),
    symlinkTarget: stats.isSymbolicLink() ? await readlink(path) : null,
  };
};

export const stat = (head: Head): Promise<Entry | null> =>
  describe(pathOf(head)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });

export const list = async (head: Head): Promise<{ entries: Entry[]; truncated: boolean }> => {
  const limit = Number(head.limit);
  const entries: Entry[] = [];
  const waiting = [pathOf(head)];
  let truncated = false;
  for (let folder = waiting.shift(); folder !== undefined && !truncated; folder = waiting.shift()) {
    for await (const entry of await opendir(folder)) {
      if (entries.length >= limit) {
        truncated = true;
        break;
      }
      const path = join(folder, entry.name);
      const found = await describe(path).catch(() => null);
      if (found) entries.push(found);
      if (head.recursive === true && entry.isDirectory()) waiting.push(path);
    }
  }
  entries.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { entries, truncated };
};

/** Bytes on disk below the home: what counts against the disk limit. */
export const usage = async (): Promise<{ bytes: number }> => {
  let bytes = 0;
  const waiting = [HOME];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const entries = await opendir(folder).catch(() => null);
    if (!entries) continue;
    for await (const entry of entries) {
      const path = join(folder, entry.name);
      const stats = await lstat(path).catch(() => null);
      if (!stats) continue;
      bytes += stats.blocks * 512;
      if (stats.isDirectory()) waiting.push(path);
    }
  }
  return { bytes };
};
