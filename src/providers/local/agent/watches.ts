import { type FSWatcher, lstatSync, readdirSync, watch } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Head } from './protocol.ts';

/** The kernel reports renames and repeats; a short wait and one look at each path tells what really is there now. */
const SETTLE_MS = 40;
const MAX_PENDING = 5_000;

type Send = (head: Head) => boolean;

export const openWatches = (send: Send) => {
  const open = new Map<string, { watcher: FSWatcher; timer: NodeJS.Timeout | null }>();

  const close = (id: string): void => {
    const entry = open.get(id);
    if (!entry) return;
    open.delete(id);
    if (entry.timer) clearTimeout(entry.timer);
    entry.watcher.close();
  };

  return {
    closeAll: (): void => [...open.keys()].forEach(close),
    operations: {
      watch: (head: Head) => {
        const id = String(head.watch);
        const root = resolve('/home/user', String(head.path));
        const isDirectory = lstatSync(root).isDirectory();
        const known = present(root, isDirectory, head.recursive === true);
        const pending = new Set<string>();
        let overflow = false;
        const flush = (): void => {
          const entry = open.get(id);
          if (entry) entry.timer = null;
          const changes = overflow
            ? [['overflow', root]]
            : [...pending].flatMap((path) => describe(path, known));
          pending.clear();
          overflow = false;
          for (let from = 0; from < changes.length; from += 200)
            send({ t: 'change', watch: id, changes: changes.slice(from, from + 200) });
        };
        const watcher = watch(
          root,
          { recursive: isDirectory && head.recursive === true },
          (_, name) => {
            const path = name && isDirectory ? join(root, name) : root;
            if (pending.size >= MAX_PENDING) overflow = true;
            else pending.add(path);
            const entry = open.get(id);
            if (entry && !entry.timer) entry.timer = setTimeout(flush, SETTLE_MS);
          },
        );
        watcher.on('error', () => close(id));
        open.set(id, { watcher, timer: null });
        return {};
      },
      unwatch: (head: Head) => {
        close(String(head.watch));
        return {};
      },
    },
  };
};

/** What is there at the start: everything else that shows up later was created. */
const present = (root: string, isDirectory: boolean, recursive: boolean): Set<string> =>
  new Set(
    isDirectory ? readdirSync(root, { recursive }).map((name) => join(root, String(name))) : [root],
  );

const describe = (path: string, known: Set<string>): [string, string][] => {
  try {
    lstatSync(path);
  } catch {
    known.delete(path);
    return [['deleted', path]];
  }
  if (known.has(path)) return [['modified', path]];
  known.add(path);
  return [['created', path]];
};
