import { renameSync } from 'node:fs';
import { access, opendir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ENDED } from './segments.ts';

/** No topic has such a name: `~` begins that of a topic only before a hash. */
const GONE = '~gone-';

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException).code;

/** The folders of topics, one after the other: there may be very many, and everything else goes on meanwhile. */
const foldersIn = async function* (dir: string): AsyncGenerator<string, void> {
  for await (const entry of await opendir(dir)) if (entry.isDirectory()) yield entry.name;
};

const endOf = async (path: string): Promise<number | null> => {
  try {
    return Number(await readFile(join(path, ENDED), 'utf8'));
  } catch {
    return null;
  }
};

/** Removes the folders of topics that ended before `before()`. `unload`: nobody must have a topic in memory whose folder goes. */
export const sweepFolders = async ({
  dir,
  before,
  unload,
  isStopped,
}: {
  dir: string;
  before: () => number;
  unload: (path: string) => void;
  isStopped: () => boolean;
}): Promise<void> => {
  for await (const folder of foldersIn(dir)) {
    if (isStopped()) return;
    const path = join(dir, folder);
    let gone = path;
    if (!folder.startsWith(GONE)) {
      const ended = await endOf(path);
      if (ended === null || ended >= before()) continue;
      unload(path);
      // At once, so that nobody opens a topic of which half is left.
      gone = join(dir, `${GONE}${folder}`);
      renameSync(path, gone);
    }
    await rm(gone, { recursive: true, force: true });
  }
};

/** The names of topics that have not ended, except very long ones, whose folders do not tell them. */
export const unendedIn = async function* (dir: string): AsyncGenerator<string, void> {
  for await (const folder of foldersIn(dir)) {
    if (folder.startsWith('~')) continue;
    const isUnended = await access(join(dir, folder, ENDED)).then(
      () => false,
      (error: unknown) => codeOf(error) === 'ENOENT',
    );
    if (isUnended) yield decodeURIComponent(folder);
  }
};
