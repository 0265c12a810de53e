import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import type { Capabilities } from '../types/capabilities.ts';
import type { FileStat, SandboxFiles, VendorFiles, WriteOptions } from '../types/files.ts';
import type { Call } from './call.ts';
import { checkStat } from './check.ts';
import { readRecords } from './file-records.ts';
import { scripts } from './file-scripts.ts';
import type { Shell } from './shell.ts';
import type { Tool } from './tools.ts';
import type { Unsupported } from './unsupported.ts';

export type FilesContext = {
  vendor: VendorFiles;
  capabilities: Capabilities;
  call: Call;
  shell: Shell;
  unsupported: Unsupported;
  /** Called once, at once when it has ended. Returns how to be called no more. */
  onSandboxEnd(listener: () => void): () => void;
};
type Content = Parameters<SandboxFiles['write']>[1];

/** Of bytes at a time, where each piece is a text file of its own first. */
const PIECE = 2 ** 20;
const NEEDS: readonly Tool[] = ['mv', 'mkdir', 'chmod', 'rm', 'stat', 'readlink'];

const pieces = async function* (content: Content): AsyncGenerator<Buffer> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of content) {
    for (let from = 0; from < part.length; from += PIECE) {
      const slice = part.subarray(from, from + PIECE);
      parts.push(slice);
      size += slice.length;
      if (size < PIECE) continue;
      yield Buffer.concat(parts);
      parts = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(parts);
};

/** Writing, whole or not at all: the vendor's own where it is so, else a temporary file that is renamed by a command. */
export const createWrite = (
  { vendor, capabilities, call, shell, unsupported }: FilesContext,
  stat: (path: string) => Promise<FileStat | null>,
): ((path: string, content: Content, options: WriteOptions) => Promise<FileStat>) => {
  const told = async (path: string, answer: unknown): Promise<FileStat> => {
    const found = checkStat(answer) ?? (await stat(path));
    if (found) return found;
    throw unsupported('files.stat');
  };
  const isText = capabilities.files === 'text';

  const fill = async (part: string, content: Content): Promise<void> => {
    const needs: readonly Tool[] = ['base64', 'rm'];
    if (!isText) {
      await call.upload(content, (watched) => vendor.write(part, watched));
      return;
    }
    let count = 0;
    for await (const piece of pieces(content)) {
      count += 1;
      const text = Buffer.from(piece.toString('base64'));
      await call.upload([text], (watched) => vendor.write(`${part}.text`, watched));
      await shell.run('files.bytes', part, needs, scripts.decode, [part, `${part}.text`]);
    }
    if (count === 0) await call.upload([], (watched) => vendor.write(part, watched));
  };

  const byRename = async (
    path: string,
    content: Content,
    { mode, permissions }: WriteOptions,
  ): Promise<FileStat> => {
    const target = String(await shell.run('files.write', path, NEEDS, scripts.prepare, [path]));
    const name = `.${posix.basename(target).slice(0, 60)}.${randomBytes(6).toString('hex')}.part`;
    const part = posix.join(posix.dirname(target), name);
    try {
      await fill(part, content);
      const script = mode === 'append' ? scripts.append : scripts.finish;
      const args = [target, part, permissions?.toString(8) ?? ''];
      return await told(
        target,
        readRecords(await shell.run('files.write', path, NEEDS, script, args))[0],
      );
    } catch (error) {
      await shell
        .run('files.write', path, ['rm'], scripts.clean, [part, `${part}.text`])
        .catch(() => undefined);
      throw error;
    }
  };

  return async (path, content, options) => {
    const { mode = 'replace', ifMatch } = options;
    if (vendor.atomic && !isText)
      return told(
        path,
        await call.upload(content, (watched) => vendor.write(path, watched, options)),
      );
    // A check and a rename are two steps: between them another writer could come, and its file would be lost.
    if (ifMatch !== undefined) throw unsupported('files.ifMatch', 'Write without "ifMatch"');
    if (mode === 'create') throw unsupported('files.create', 'Write with the mode "replace"');
    return byRename(path, content, options);
  };
};
