import { createHash, randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import {
  chmod,
  cp,
  lstat,
  mkdir,
  open,
  opendir,
  readlink,
  realpath,
  rename,
  rm,
  rmdir,
  unlink,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Head } from './protocol.ts';
import type { Streams } from './streams.ts';

/** Runs inside the sandbox: its mount namespace is the whole path policy, a link to a host-only path leads nowhere. */
const HOME = '/home/user';
const fail = (code: string, message: string): Error => Object.assign(new Error(message), { code });
const at = (head: Head, key = 'path'): string => resolve(HOME, String(head[key]));

const typeOf = (stats: Stats): string =>
  stats.isFile()
    ? 'file'
    : stats.isDirectory()
      ? 'directory'
      : stats.isSymbolicLink()
        ? 'symlink'
        : 'other';

const describe = async (path: string) => {
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

/** O_NONBLOCK: opening a FIFO nobody writes to would hold a thread for ever. */
const openRegular = async (path: string) => {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw fail('EINVAL', `${path} is not a regular file`);
};

const sha256 = async (path: string): Promise<string> => {
  const handle = await openRegular(path);
  const hash = createHash('sha256');
  await pipeline(handle.createReadStream(), hash);
  return hash.digest('hex');
};

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

export const openFiles = (streams: Streams) => ({
  stat: (head: Head) =>
    describe(at(head)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
      throw error;
    }),

  async list(head: Head) {
    const limit = Number(head.limit);
    const entries: Awaited<ReturnType<typeof describe>>[] = [];
    const waiting = [at(head)];
    let truncated = false;
    for (
      let folder = waiting.shift();
      folder !== undefined && !truncated;
      folder = waiting.shift()
    ) {
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
  },

  async read(head: Head) {
    const handle = await openRegular(at(head));
    const start = Number(head.offset ?? 0);
    const length = head.length === undefined ? Number.POSITIVE_INFINITY : Number(head.length);
    try {
      const { size } = await handle.stat();
      const end = Math.min(start + length, size);
      const socket = await streams.open(String(head.stream));
      if (end <= start) {
        await handle.close();
        socket.end();
      } else {
        void pipeline(
          handle.createReadStream({ start, end: end - 1, highWaterMark: 256 * 1024 }),
          socket,
        ).catch(() => socket.destroy());
      }
      return { size };
    } catch (error) {
      await handle.close().catch(() => undefined);
      throw error;
    }
  },

  async write(head: Head) {
    const asked = at(head);
    const path = await realpath(asked).catch(() => asked);
    const mode = String(head.mode ?? 'replace');
    const present = await lstat(path).catch(() => null);
    if (present && !present.isFile())
      throw fail(present.isDirectory() ? 'EISDIR' : 'EINVAL', `${asked} is not a regular file`);
    if (mode === 'create' && present) throw fail('EEXIST', `${asked} is there already`);
    if (head.ifMatch !== undefined && (!present || (await sha256(path)) !== head.ifMatch)) {
      throw fail('EPRECONDITION', `${asked} ${present ? 'has other content' : 'is not there'}`);
    }
    await mkdir(dirname(path), { recursive: true });
    const permissions = head.permissions === undefined ? undefined : Number(head.permissions);
    const socket = await streams.open(String(head.stream));
    const counted = async function* (): AsyncGenerator<Buffer> {
      for await (const chunk of socket) {
        yield chunk as Buffer;
      }
      // A server that died mid-way ends the stream like one that finished; only the closing word tells them apart.
      if (!finished.has(String(head.stream))) throw fail('ECANCELED', 'the upload broke off');
    };
    try {
      if (mode === 'append') {
        const handle = await open(
          path,
          constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK,
          permissions ?? 0o644,
        );
        await pipeline(counted(), handle.createWriteStream());
      } else {
        const temporary = join(
          dirname(path),
          `.${basename(path).slice(0, 100)}.${randomBytes(6).toString('hex')}.part`,
        );
        try {
          const handle = await open(
            temporary,
            'wx',
            permissions ?? (present ? present.mode & 0o7777 : 0o644),
          );
          await pipeline(counted(), handle.createWriteStream());
          if (permissions !== undefined || present)
            await chmod(temporary, permissions ?? (present ? present.mode & 0o7777 : 0o644));
          if (mode === 'create' && (await exists(path)))
            throw fail('EEXIST', `${asked} is there already`);
          await rename(temporary, path);
        } catch (error) {
          await rm(temporary, { force: true });
          throw error;
        }
      }
      if (permissions !== undefined) await chmod(path, permissions);
    } finally {
      finished.delete(String(head.stream));
      socket.destroy();
    }
    return describe(path);
  },

  /** Sent before the server ends an upload's stream. */
  finish: (head: Head) => void finished.add(String(head.stream)),

  sha256: (head: Head) => sha256(at(head)),

  async mkdir(head: Head) {
    const path = at(head);
    if (head.recursive === true) await mkdir(path, { recursive: true });
    else await mkdir(path);
    if (head.permissions !== undefined) await chmod(path, Number(head.permissions));
    return describe(path);
  },

  async move(head: Head) {
    const [from, to] = [at(head, 'from'), at(head, 'to')];
    await lstat(from);
    if (head.overwrite !== true && (await exists(to)))
      throw fail('EEXIST', `${to} is there already`);
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EXDEV') throw error;
      await cp(from, to, { recursive: true, force: true });
      await rm(from, { recursive: true });
    });
    return describe(to);
  },

  async copy(head: Head) {
    const [from, to] = [at(head, 'from'), at(head, 'to')];
    await lstat(from);
    if (head.overwrite !== true && (await exists(to)))
      throw fail('EEXIST', `${to} is there already`);
    await mkdir(dirname(to), { recursive: true });
    await cp(from, to, { recursive: true, force: true, verbatimSymlinks: true });
    return describe(to);
  },

  async remove(head: Head) {
    const path = at(head);
    const stats = await lstat(path);
    if (!stats.isDirectory()) await unlink(path);
    else if (head.recursive === true) await rm(path, { recursive: true });
    else await rmdir(path);
    return {};
  },

  /** Bytes on disk below the home: what counts against the disk limit. */
  async usage() {
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
  },
});

const finished = new Set<string>();
