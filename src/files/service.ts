import type { Principal } from '../authentication/principal.ts';
import { bearerOf, type Revocations } from '../authentication/revocations.ts';
import { AppError } from '../errors.ts';
import type { FileChange, FileStat, SandboxFiles, WriteOptions } from '../providers/types/files.ts';
import type { SandboxAccess } from '../sandboxes/access.ts';
import type { ShareAccess } from '../store/types/share.ts';
import { createTransferUrls, type Transfer, type TransferUrls } from './transfer-urls.ts';

/** The maximum of a file's content, in bytes, in one GraphQL answer; more requires a download URL. */
export const MAX_CONTENT = 1024 * 1024;
const MAX_FILES = 100;

export type FileServiceOptions = {
  sandboxes: SandboxAccess;
  revocations: Revocations;
  secret: string;
  publicUrl: () => string;
  clock: () => number;
};

export type NewFile = WriteOptions & { path: string; content: Uint8Array };
export type Content = { bytes: Uint8Array; offset: number; totalSize: number };
type SignedUrl = { url: string; expiresAt: number };
type WriteOutcome = { path: string; file: FileStat | null; error: AppError | null };

/** What callers get; who may call what is in rules.ts. */
export type FileService = {
  stat(principal: Principal, sandboxId: string, path: string): Promise<FileStat | null>;
  list(
    principal: Principal,
    sandboxId: string,
    path: string,
    options: { recursive: boolean; limit: number },
  ): Promise<{ path: string; entries: FileStat[]; truncated: boolean } | null>;
  /** At most 1 MiB of it. */
  content(
    principal: Principal,
    sandboxId: string,
    path: string,
    range: { offset: number; length: number },
  ): Promise<Content>;
  sha256(principal: Principal, sandboxId: string, path: string): Promise<string>;
  write(principal: Principal, sandboxId: string, file: NewFile): Promise<FileStat>;
  /** A file that is refused does not stop the others. */
  writeMany(
    principal: Principal,
    sandboxId: string,
    files: readonly NewFile[],
  ): Promise<WriteOutcome[]>;
  makeDirectory(
    principal: Principal,
    sandboxId: string,
    path: string,
    options: { recursive: boolean; permissions?: number },
  ): Promise<FileStat>;
  move(
    principal: Principal,
    sandboxId: string,
    from: string,
    to: string,
    overwrite: boolean,
  ): Promise<FileStat>;
  copy(
    principal: Principal,
    sandboxId: string,
    from: string,
    to: string,
    overwrite: boolean,
  ): Promise<FileStat>;
  remove(principal: Principal, sandboxId: string, path: string, recursive: boolean): Promise<void>;
  watch(
    principal: Principal,
    sandboxId: string,
    path: string,
    options: { recursive: boolean; signal: AbortSignal },
  ): Promise<AsyncIterable<FileChange>>;
  downloadUrl(
    principal: Principal,
    sandboxId: string,
    path: string,
    ttlMs: number,
  ): Promise<SignedUrl>;
  /** `maxBytes` null: the limit of the server. */
  uploadUrl(
    principal: Principal,
    sandboxId: string,
    path: string,
    ttlMs: number,
    maxBytes: number | null,
  ): Promise<SignedUrl>;
};

export type FileControl = FileService & {
  /** What a signed URL allows, and the files of its sandbox; `FORBIDDEN` for one that is not valid or has expired. */
  openTransfer(token: string): Promise<{ transfer: Transfer; files: SandboxFiles }>;
};

const MAX_TTL_MS = 24 * 3_600_000;

const listDirectory: (
  files: SandboxFiles,
  path: string,
  options: { recursive: boolean; limit: number },
) => ReturnType<FileService['list']> = async (files, path, options) => {
  const stat = await files.stat(path);
  if (stat === null) return null;
  if (stat.type !== 'directory')
    throw new AppError(
      'INVALID_ARGUMENT',
      `${stat.path} is not a directory, but of the type ${stat.type}.`,
    );
  return { path: stat.path, ...(await files.list(path, options)) };
};

const readContent = async (
  files: SandboxFiles,
  path: string,
  { offset, length }: { offset: number; length: number },
): Promise<Content> => {
  const stat = await files.stat(path);
  const parts: Uint8Array[] = [];
  for await (const part of files.read(path, { offset, length: Math.min(length, MAX_CONTENT) }))
    parts.push(part);
  const bytes = Buffer.concat(parts);
  return {
    bytes,
    offset,
    totalSize: Math.max(stat?.type === 'file' ? stat.size : 0, offset + bytes.length),
  };
};

/** One after the other; a file that is refused does not stop the others. */
const writeEach = async (
  files: SandboxFiles,
  list: readonly NewFile[],
): Promise<WriteOutcome[]> => {
  const outcomes: WriteOutcome[] = [];
  for (const { path, content, ...options } of list) {
    try {
      outcomes.push({ path, file: await files.write(path, [content], options), error: null });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      outcomes.push({ path, file: null, error });
    }
  }
  return outcomes;
};

export const createFileService = ({
  sandboxes,
  revocations,
  secret,
  publicUrl,
  clock,
}: FileServiceOptions): FileControl => {
  const urls: TransferUrls = createTransferUrls(secret, clock);
  const filesOf = async (
    principal: Principal,
    sandboxId: string,
    need: ShareAccess,
  ): Promise<SandboxFiles> => (await sandboxes.open(principal, sandboxId, need)).handle.files;
  const sign = async (
    principal: Principal,
    transfer: Pick<Transfer, 'direction' | 'sandboxId' | 'path' | 'maxBytes'>,
    ttlMs: number,
  ): Promise<SignedUrl> => {
    if (ttlMs < 1 || ttlMs > MAX_TTL_MS)
      throw new AppError(
        'INVALID_ARGUMENT',
        `ttlSeconds: it is ${ttlMs / 1_000}, but must be 1 to ${MAX_TTL_MS / 1_000} (24 hours).`,
      );
    const need = transfer.direction === 'upload' ? 'write' : 'read';
    const { tenant } = await sandboxes.find(principal, transfer.sandboxId, need);
    const expiresAt = clock() + ttlMs;
    const token = urls.sign({ ...transfer, tenant, by: bearerOf(principal), expiresAt });
    return { url: `${publicUrl()}/transfers/${token}`, expiresAt };
  };

  return {
    stat: async (principal, id, path) => (await filesOf(principal, id, 'read')).stat(path),
    list: async (principal, id, path, options) =>
      listDirectory(await filesOf(principal, id, 'read'), path, options),
    content: async (principal, id, path, range) =>
      readContent(await filesOf(principal, id, 'read'), path, range),
    sha256: async (principal, id, path) => (await filesOf(principal, id, 'read')).sha256(path),
    async write(principal, id, { path, content, ...options }) {
      return (await filesOf(principal, id, 'write')).write(path, [content], options);
    },
    async writeMany(principal, id, list) {
      if (list.length === 0 || list.length > MAX_FILES)
        throw new AppError(
          'INVALID_ARGUMENT',
          `files: ${list.length} files were given, but it must be 1 to ${MAX_FILES}.`,
        );
      return writeEach(await filesOf(principal, id, 'write'), list);
    },
    makeDirectory: async (principal, id, path, options) =>
      (await filesOf(principal, id, 'write')).makeDirectory(path, options),
    move: async (principal, id, from, to, overwrite) =>
      (await filesOf(principal, id, 'write')).move(from, to, { overwrite }),
    copy: async (principal, id, from, to, overwrite) =>
      (await filesOf(principal, id, 'write')).copy(from, to, { overwrite }),
    remove: async (principal, id, path, recursive) =>
      (await filesOf(principal, id, 'write')).remove(path, { recursive }),
    async watch(principal, id, path, options) {
      const changes = await (await filesOf(principal, id, 'read')).watch(path, options);
      return sandboxes.whileVisible(principal, id, changes);
    },
    downloadUrl: (principal, sandboxId, path, ttlMs) =>
      sign(principal, { direction: 'download', sandboxId, path, maxBytes: null }, ttlMs),
    uploadUrl: (principal, sandboxId, path, ttlMs, maxBytes) =>
      sign(principal, { direction: 'upload', sandboxId, path, maxBytes }, ttlMs),
    async openTransfer(token) {
      const transfer = urls.verify(token);
      // The URL ends with the token with which it was requested.
      revocations.check(transfer.by);
      const { handle } = await sandboxes.openFor(transfer.tenant, transfer.sandboxId);
      return { transfer, files: handle.files };
    },
  };
};
