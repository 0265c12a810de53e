import { randomBytes } from 'node:crypto';
import { AppError } from '../../errors.ts';
import type { FileStat, ReadOptions, SandboxFiles } from '../types/files.ts';
import { checkSha256, required } from './check.ts';
import { readRecords } from './file-records.ts';
import { scripts } from './file-scripts.ts';
import { absolute, checkedPath } from './paths.ts';
import type { Shell } from './shell.ts';
import type { Tool } from './tools.ts';

const RECORD: readonly Tool[] = ['stat', 'readlink'];
/** Bytes that one command reads of a file. */
const WINDOW = 4 * 2 ** 20;

const isMissing = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'NOT_FOUND';

/** Where a path leads for a command: relative paths begin at the home of the sandbox. */
export const locate = async (shell: Shell, path: string): Promise<string> =>
  absolute((await shell.tools()).home, checkedPath(path));

/** Runs a script that ends with the record of one file. */
const describe = async (
  shell: Shell,
  ...[name, what, needs, script, args]: Parameters<Shell['run']>
): Promise<FileStat> => {
  const [found] = readRecords(await shell.run(`files.${name}`, what, needs, script, args), 1);
  if (found) return found;
  throw new AppError('UNAVAILABLE', `The sandbox gave no answer about ${what}. Try again.`);
};

const readWindows = async function* (
  shell: Shell,
  path: string,
  { offset = 0, length }: ReadOptions,
): AsyncGenerator<Uint8Array> {
  const target = await locate(shell, path);
  const end = length === undefined ? Number.POSITIVE_INFINITY : offset + length;
  for (let from = offset; from < end; ) {
    const wanted = Math.min(WINDOW, end - from);
    const args = [target, String(from + 1), String(wanted)];
    const needs = ['tail', 'head', 'base64'] as const;
    const part = await shell.run('files.bytes', target, needs, scripts.read, args);
    if (part.length > 0) yield part;
    if (part.length < wanted) return;
    from += part.length;
  }
};

/** The file operations that a command in the sandbox can do as well as the vendor. */
export const createFileCommands = (shell: Shell): Omit<SandboxFiles, 'write' | 'watch'> => ({
  async stat(path) {
    const target = await locate(shell, path);
    return describe(shell, 'stat', target, RECORD, scripts.stat, [target]).catch(
      (error: unknown) => {
        if (isMissing(error)) return null;
        throw error;
      },
    );
  },
  async list(path, { recursive, limit }) {
    const target = await locate(shell, path);
    const needs = [...RECORD, 'find', 'head'] as const;
    const args = [target, String(limit + 1), recursive ? '' : '-maxdepth 1'];
    const output = await shell.run('files.list', target, needs, scripts.list, args);
    const entries = readRecords(output, limit + 1);
    const sorted = entries.slice(0, limit).sort((a, b) => (a.path < b.path ? -1 : 1));
    return { entries: sorted, truncated: entries.length > limit };
  },
  read: (path, options = {}) => readWindows(shell, path, options),
  async sha256(path) {
    const target = await locate(shell, path);
    const needs = ['sha256sum'] as const;
    const printed = await shell.run('files.sha256', target, needs, scripts.sha256, [target]);
    return required(checkSha256(String(printed).slice(0, 64)), target);
  },
  async makeDirectory(path, { recursive, permissions }) {
    const target = await locate(shell, path);
    const needs = [...RECORD, 'mkdir', 'chmod'] as const;
    const args = [target, recursive ? 'recursive' : '', permissions?.toString(8) ?? ''];
    return describe(shell, 'makeDirectory', target, needs, scripts.makeDirectory, args);
  },
  async move(from, to, { overwrite }) {
    const args = [await locate(shell, to), await locate(shell, from)];
    const needs = [...RECORD, 'mv', 'mkdir'] as const;
    const script = overwrite ? scripts.moveOver : scripts.move;
    return describe(shell, 'move', `${from} to ${to}`, needs, script, args);
  },
  async copy(from, to, { overwrite }) {
    const [target, source] = [await locate(shell, to), await locate(shell, from)];
    const args = [target, source, `${target}.${randomBytes(6).toString('hex')}.part`];
    const needs = [...RECORD, 'cp', 'mv', 'mkdir', 'rm'] as const;
    const script = overwrite ? scripts.copyOver : scripts.copy;
    return describe(shell, 'copy', `${from} to ${to}`, needs, script, args);
  },
  async remove(path, { recursive }) {
    const target = await locate(shell, path);
    const needs = ['rm', 'rmdir', 'find'] as const;
    const args = [target, recursive ? 'recursive' : ''];
    await shell.run('files.remove', target, needs, scripts.remove, args);
  },
});
