import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import { createRetries } from '../../lib/retries.ts';
import { withTimeLimit } from '../../lib/time-limit.ts';

/**
 * Removes directories whose content a sandbox chose: any depth, any number of files. They are renamed into one folder, so that they are
 * gone at once, and removed by other processes: no tree costs this one a descriptor, a turn of its event loop, or its life.
 */
export type Trash = {
  /** `dir` does not exist afterwards. Throws when it could not even be renamed. */
  discard(dir: string): void;
  /** Gives removals under way `ms` to end, then stops them; what is left is removed after the next start. */
  dispose(ms: number): Promise<void>;
};

const PARALLEL = 2;
/** GNU rm copes with any depth and keeps few descriptors open. An ordinary user must first be let into directories of mode 000. */
const SCRIPT = 'rm -rf -- "$1" 2>/dev/null || { chmod -R u+rwX -- "$1"; rm -rf -- "$1"; }';

export const openTrash = (folder: string, log: Logger): Trash => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const queue: string[] = [];
  const running = new Map<ChildProcess, Promise<void>>();
  let disposed = false;
  const retries = createRetries((dir, error) =>
    log.warn({ err: error, dir }, 'a removed directory is still on disk, its removal is retried'),
  );

  const remove = async (dir: string): Promise<void> => {
    const child = spawn('/bin/sh', ['-c', SCRIPT, 'sh', dir], {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', 'ignore', 'pipe'],
      // A group of its own: the shell and its rm are stopped together.
      detached: true,
    });
    const done = new Promise<void>((resolve, reject) => {
      let said = '';
      // Without descriptors left there is none.
      const stderr: Readable | undefined = child.stderr;
      stderr?.on('error', () => undefined);
      stderr?.on('data', (chunk: Buffer) => {
        if (said.length < 500) said += chunk.toString('utf8', 0, 500);
      });
      child.on('error', reject);
      child.once('exit', () => {
        if (existsSync(dir)) reject(new Error(`${dir} could not be removed. ${said}`.trim()));
        else resolve();
      });
    }).finally(() => {
      running.delete(child);
      next();
    });
    running.set(child, done);
    return done;
  };

  const next = (): void => {
    while (!disposed && running.size < PARALLEL) {
      const dir = queue.shift();
      if (dir === undefined) return;
      remove(dir).catch((error: unknown) => {
        if (disposed) return;
        log.warn({ err: error }, 'a directory could not be removed, it is tried again');
        retries.add(dir, () => remove(dir));
      });
    }
  };

  // What an earlier server had no time for.
  queue.push(...readdirSync(folder).map((name) => join(folder, name)));
  next();

  return {
    discard(dir) {
      const aside = join(folder, `${basename(dir)}-${randomBytes(6).toString('hex')}`);
      try {
        renameSync(dir, aside);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
        throw error;
      }
      queue.push(aside);
      next();
    },
    async dispose(ms) {
      const empty = async (): Promise<void> => {
        while (running.size) await Promise.allSettled(running.values());
      };
      await withTimeLimit(empty(), ms, () => new Error('late')).catch(() => undefined);
      disposed = true;
      retries.dispose();
      for (const { pid } of running.keys()) {
        try {
          if (pid !== undefined) process.kill(-pid, 'SIGKILL');
        } catch {
          // It has just ended.
        }
      }
    },
  };
};
