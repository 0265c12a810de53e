import { once } from 'node:events';
import { AppError } from '../../errors.ts';
import { createMailbox, type Mailbox } from '../../lib/mailbox.ts';
import type { FileChange, FileStat, SandboxFiles } from '../types/files.ts';
import type { Link } from './link.ts';

/** `overDisk` tells whether the sandbox has used up its disk: then nothing more is written for it. */
export const createFiles = (
  link: Link,
  overDisk: () => boolean,
): SandboxFiles & { atomic: true } => {
  const watches = new Map<string, Mailbox<FileChange>>();
  let watchCounter = 0;
  link.on('change', (head) => {
    const changes = Array.isArray(head.changes)
      ? (head.changes as [FileChange['kind'], string][])
      : [];
    for (const [kind, path] of changes)
      watches.get(String(head.watch))?.push({ kind, path: String(path) });
  });
  const stat = async (op: string, fields: object): Promise<FileStat> =>
    (await link.request(op, fields)) as FileStat;
  const room = (): void => {
    if (overDisk())
      throw new AppError('NO_SPACE', 'The sandbox has used up its disk limit. Remove files first.');
  };

  return {
    atomic: true,
    stat: async (path) => (await link.request('stat', { path })) as FileStat | null,
    list: async (path, { recursive, limit }) =>
      (await link.request('list', { path, recursive, limit })) as {
        entries: FileStat[];
        truncated: boolean;
      },
    async *read(path, { offset = 0, length, signal } = {}) {
      const { socket, result } = await link.stream('read', { path, offset, length });
      const abort = (): void => void socket.destroy();
      signal?.addEventListener('abort', abort, { once: true });
      try {
        await result;
        for await (const chunk of socket) yield chunk as Buffer;
      } finally {
        signal?.removeEventListener('abort', abort);
        socket.destroy();
      }
    },
    async write(path, content, { mode, permissions, ifMatch } = {}) {
      room();
      const { name, socket, result } = await link.stream('write', {
        path,
        mode,
        permissions,
        ifMatch,
      });
      // The supervisor may refuse half-way (disk full): then there is no one left to write to.
      const refused = result.then(
        () => undefined,
        () => void socket.destroy(),
      );
      try {
        for await (const chunk of content) {
          if (socket.destroyed) break;
          if (!socket.write(chunk))
            await Promise.race([once(socket, 'drain').catch(() => undefined), refused]);
        }
        if (!socket.destroyed) {
          await link.request('finish', { stream: name });
          socket.end();
        }
      } catch (error) {
        socket.destroy();
        await refused;
        throw error;
      }
      return (await result) as FileStat;
    },
    sha256: async (path) => String(await link.request('sha256', { path })),
    async makeDirectory(path, { recursive, permissions }) {
      room();
      return stat('mkdir', { path, recursive, permissions });
    },
    move: (from, to, { overwrite }) => stat('move', { from, to, overwrite }),
    async copy(from, to, { overwrite }) {
      room();
      return stat('copy', { from, to, overwrite });
    },
    remove: async (path, { recursive }) => void (await link.request('remove', { path, recursive })),
    async watch(path, { recursive, signal }) {
      const watch = `w${++watchCounter}`;
      const mailbox = createMailbox<FileChange>();
      watches.set(watch, mailbox);
      const stop = (): void => {
        watches.delete(watch);
        mailbox.end();
        link.request('unwatch', { watch }).catch(() => undefined);
      };
      try {
        await link.request('watch', { watch, path, recursive });
      } catch (error) {
        watches.delete(watch);
        throw error;
      }
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      return { [Symbol.asyncIterator]: () => ({ next: () => mailbox.next() }) };
    },
  };
};
