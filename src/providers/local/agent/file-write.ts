import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { chmod, lstat, mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fail } from './fail.ts';
import { describe } from './file-entries.ts';
import { exists, pathOf } from './file-paths.ts';
import { hashOf } from './file-read.ts';
import type { Head } from './protocol.ts';
import type { Streams } from './streams.ts';

/** Where an upload goes, and what was there before. */
type Target = {
  /** As the caller named it: for its errors. */
  asked: string;
  /** Behind symbolic links. */
  path: string;
  mode: string;
  permissions: number | undefined;
  present: Stats | null;
};
type Content = () => AsyncIterable<Buffer>;

const APPENDED = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
const PERMISSIONS = 0o644;

const targetOf = async (head: Head): Promise<Target> => {
  const asked = pathOf(head);
  const path = await realpath(asked).catch(() => asked);
  return {
    asked,
    path,
    mode: String(head.mode ?? 'replace'),
    permissions: head.permissions === undefined ? undefined : Number(head.permissions),
    present: await lstat(path).catch(() => null),
  };
};

const check = async ({ asked, path, mode, present }: Target, ifMatch: unknown): Promise<void> => {
  if (present && !present.isFile())
    throw fail(present.isDirectory() ? 'EISDIR' : 'EINVAL', `${asked} is not a regular file`);
  if (mode === 'create' && present) throw fail('EEXIST', `${asked} is there already`);
  if (ifMatch === undefined || (present && (await hashOf(path)) === ifMatch)) return;
  throw fail('EPRECONDITION', `${asked} ${present ? 'has other content' : 'is not there'}`);
};

const append = async ({ path, permissions }: Target, content: Content): Promise<void> => {
  const handle = await open(path, APPENDED, permissions ?? PERMISSIONS);
  await pipeline(content(), handle.createWriteStream());
};

/** Whole or not at all: by a temporary file beside it, which is renamed. */
const replace = async (target: Target, content: Content): Promise<void> => {
  const { asked, path, mode, present } = target;
  const permissions = target.permissions ?? (present ? present.mode & 0o7777 : undefined);
  const name = `.${basename(path).slice(0, 100)}.${randomBytes(6).toString('hex')}.part`;
  const temporary = join(dirname(path), name);
  try {
    const handle = await open(temporary, 'wx', permissions ?? PERMISSIONS);
    await pipeline(content(), handle.createWriteStream());
    if (permissions !== undefined) await chmod(temporary, permissions);
    if (mode === 'create' && (await exists(path)))
      throw fail('EEXIST', `${asked} is there already`);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
};

/** Uploads: one stream each, whose end is announced by a request. */
export const openUploads = (streams: Streams) => {
  const finished = new Set<string>();

  return {
    async write(head: Head) {
      const target = await targetOf(head);
      await check(target, head.ifMatch);
      await mkdir(dirname(target.path), { recursive: true });
      const stream = String(head.stream);
      const socket = await streams.open(stream);
      const content = async function* (): AsyncGenerator<Buffer> {
        for await (const chunk of socket) yield chunk as Buffer;
        // A server that died mid-way ends the stream like one that finished; only the closing word tells them apart.
        if (!finished.has(stream)) throw fail('ECANCELED', 'the upload broke off');
      };
      try {
        await (target.mode === 'append' ? append : replace)(target, content);
        if (target.permissions !== undefined) await chmod(target.path, target.permissions);
      } finally {
        finished.delete(stream);
        socket.destroy();
      }
      return describe(target.path);
    },
    /** Sent before the server ends an upload's stream. */
    finish: (head: Head) => void finished.add(String(head.stream)),
  };
};
