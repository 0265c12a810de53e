import { randomBytes } from 'node:crypto';
import { AppError } from '../../errors.ts';
import type { FileChange, FileStat, ReadOptions, SandboxFiles } from '../types/files.ts';
import { checkChange, checkList, checkSha256, checkStat } from './check.ts';
import { readRecords } from './file-records.ts';
import { scripts } from './file-scripts.ts';
import { createWrite, type FilesContext } from './file-write.ts';
import { absolute, checkedPath } from './paths.ts';
import type { Tool } from './tools.ts';

const RECORD: readonly Tool[] = ['stat', 'readlink'];
/** Of a file at a time, where it is read by a command. */
const WINDOW = 4 * 2 ** 20;

const isMissing = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'NOT_FOUND';

/** Hand-written: the end of a generator would wait for a change that may never come. */
const checkedChanges = (changes: AsyncIterable<unknown>): AsyncIterable<FileChange> => ({
  [Symbol.asyncIterator]() {
    const source = changes[Symbol.asyncIterator]();
    const next = async (): Promise<IteratorResult<FileChange, undefined>> => {
      for (;;) {
        const { done, value } = await source.next();
        if (done === true) return { done: true, value: undefined };
        const change = checkChange(value);
        if (change) return { done: false, value: change };
      }
    };
    return {
      next,
      async return() {
        await source.return?.();
        return { done: true, value: undefined };
      },
    };
  },
});

/** The files of a vendor with every member: its own, or commands in the sandbox that do the same. */
export const completeFiles = (context: FilesContext): SandboxFiles => {
  const { vendor, capabilities, call, shell, unsupported } = context;
  const at = async (path: string): Promise<string> =>
    absolute((await shell.tools()).home, checkedPath(path));
  const records = async (
    name: string,
    path: string,
    needs: readonly Tool[],
    script: string,
    args: readonly string[],
  ): Promise<FileStat[]> =>
    readRecords(await shell.run(`files.${name}`, path, needs, script, args));
  const one = async (...asked: Parameters<typeof records>): Promise<FileStat> => {
    const [found] = await records(...asked);
    if (found) return found;
    throw new AppError('UNAVAILABLE', `The sandbox gave no answer about ${asked[1]}. Try again.`);
  };
  const needSha256 = (raw: unknown, path: string): string => {
    const found = checkSha256(raw);
    if (found) return found;
    throw new AppError('UNAVAILABLE', `The provider gave no usable answer about ${path}.`);
  };
  const needStat = (raw: unknown, path: string): FileStat => {
    const found = checkStat(raw);
    if (found) return found;
    throw new AppError('UNAVAILABLE', `The provider gave no usable answer about ${path}.`);
  };

  const stat = async (path: string): Promise<FileStat | null> => {
    const own = vendor.stat;
    if (own) {
      const raw = await call.idempotent('files', () => own(path));
      return raw === null ? null : needStat(raw, path);
    }
    const target = await at(path);
    return one('stat', target, RECORD, scripts.stat, [target]).catch((error: unknown) => {
      if (isMissing(error)) return null;
      throw error;
    });
  };
  const write = createWrite(context, stat);

  const readByCommand = async function* (path: string, { offset = 0, length }: ReadOptions) {
    const target = await at(path);
    const end = length === undefined ? Number.POSITIVE_INFINITY : offset + length;
    for (let from = offset; from < end; ) {
      const wanted = Math.min(WINDOW, end - from);
      const args = [target, String(from + 1), String(wanted)];
      const needs = ['tail', 'head', 'base64'] as const;
      const part = await shell.run('files.bytes', target, needs, scripts.read, args);
      if (part.length > 0) yield part as Uint8Array;
      if (part.length < wanted) return;
      from += part.length;
    }
  };
  /** Each piece has its own deadline: a large file takes as long as it takes. */
  const readFromVendor = async function* (path: string, options: ReadOptions) {
    const stop = new AbortController();
    const { signal } = options;
    const source = vendor
      .read(path, {
        ...options,
        signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
      })
      [Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await call.once('transfer', () => source.next(), { signal });
        if (done === true) return;
        if (value instanceof Uint8Array) yield value;
      }
    } finally {
      stop.abort();
      // Not waited for: it may hang in the read that was given up.
      source.return?.().catch(() => undefined);
    }
  };

  return {
    stat: async (path) => stat(checkedPath(path)),
    async list(path, { recursive, limit }) {
      const own = vendor.list;
      if (own) {
        const asked = checkedPath(path);
        return checkList(
          await call.idempotent('files', () => own(asked, { recursive, limit })),
          limit,
        );
      }
      const target = await at(path);
      const needs = [...RECORD, 'find', 'head'] as const;
      const depth = recursive ? '' : '-maxdepth 1';
      const args = [target, String(limit + 1), depth];
      const entries = await records('list', target, needs, scripts.list, args);
      const sorted = entries.slice(0, limit).sort((a, b) => (a.path < b.path ? -1 : 1));
      return { entries: sorted, truncated: entries.length > limit };
    },
    async *read(path, options = {}) {
      const asked = checkedPath(path);
      if (capabilities.files === 'bytes') yield* readFromVendor(asked, options);
      else yield* readByCommand(asked, options);
    },
    write: async (path, content, options = {}) => {
      const asked = checkedPath(path);
      const isDirect = vendor.atomic && capabilities.files === 'bytes';
      return write(isDirect ? asked : await at(asked), content, options);
    },
    async sha256(path) {
      const own = vendor.sha256;
      const asked = checkedPath(path);
      if (own) return needSha256(await call.idempotent('files', () => own(asked)), asked);
      const target = await at(asked);
      const needs = ['sha256sum'] as const;
      const printed = await shell.run('files.sha256', target, needs, scripts.sha256, [target]);
      return needSha256(String(printed).slice(0, 64), target);
    },
    async makeDirectory(path, options) {
      const own = vendor.makeDirectory;
      const asked = checkedPath(path);
      if (own) return needStat(await call.once('files', () => own(asked, options)), asked);
      const target = await at(asked);
      const { recursive, permissions } = options;
      const args = [target, recursive ? 'recursive' : '', permissions?.toString(8) ?? ''];
      const needs = [...RECORD, 'mkdir', 'chmod'] as const;
      return one('makeDirectory', target, needs, scripts.makeDirectory, args);
    },
    async move(from, to, options) {
      const own = vendor.move;
      const [source, target] = [checkedPath(from), checkedPath(to)];
      if (own) return needStat(await call.once('files', () => own(source, target, options)), to);
      const args = [await at(target), await at(source)];
      const script = options.overwrite ? scripts.moveOver : scripts.move;
      return one('move', `${from} to ${to}`, [...RECORD, 'mv', 'mkdir'], script, args);
    },
    async copy(from, to, options) {
      const own = vendor.copy;
      const [source, target] = [checkedPath(from), checkedPath(to)];
      if (own) return needStat(await call.once('files', () => own(source, target, options)), to);
      const [there, here] = [await at(target), await at(source)];
      const args = [there, here, `${there}.${randomBytes(6).toString('hex')}.part`];
      const script = options.overwrite ? scripts.copyOver : scripts.copy;
      const needs = [...RECORD, 'cp', 'mv', 'mkdir', 'rm'] as const;
      return one('copy', `${from} to ${to}`, needs, script, args);
    },
    async remove(path, options) {
      const own = vendor.remove;
      const asked = checkedPath(path);
      if (own) return call.once('files', () => own(asked, options));
      const target = await at(asked);
      const needs = ['rm', 'rmdir', 'find'] as const;
      const args = [target, options.recursive ? 'recursive' : ''];
      await shell.run('files.remove', target, needs, scripts.remove, args);
    },
    async watch(path, options) {
      const own = vendor.watch;
      const asked = checkedPath(path);
      if (!own || capabilities.watch === 'none') throw unsupported('watch');
      const changes = await call.once('files', () => own(asked, options), {
        signal: options.signal,
      });
      return checkedChanges(changes);
    },
  };
};
