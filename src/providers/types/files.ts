export const fileTypes = ['file', 'directory', 'symlink', 'other'] as const;
export type FileType = (typeof fileTypes)[number];
export type FileStat = {
  /** Absolute, normalised. */
  path: string;
  type: FileType;
  /** Bytes. */
  size: number;
  /** Permission bits, such as 0o644. */
  mode: number;
  /** Milliseconds since the epoch. */
  modifiedAt: number;
  symlinkTarget: string | null;
};

export type ReadOptions = { offset?: number; length?: number; signal?: AbortSignal };

export type WriteOptions = {
  /** `create`: refuse an existing file (`ALREADY_EXISTS`). `append`: add at the end. Default `replace`, atomically. */
  mode?: 'replace' | 'create' | 'append';
  permissions?: number;
  /** Lower-case hexadecimal SHA-256 that the present content must have, else `PRECONDITION_FAILED`. */
  ifMatch?: string;
};

/** `overflow`: events were lost, list the directory again. */
export type FileChange = { kind: 'created' | 'modified' | 'deleted' | 'overflow'; path: string };

/** Paths are absolute, or relative to the home of the sandbox. No path leads out of the sandbox. */
export type SandboxFiles = {
  /** null when nothing is there. Does not follow a final symbolic link. */
  stat(path: string): Promise<FileStat | null>;
  /** Entries sorted by path; `recursive` does not follow symbolic links. At most `limit` entries; `truncated` says whether there are more. */
  list(
    path: string,
    options: { recursive: boolean; limit: number },
  ): Promise<{ entries: FileStat[]; truncated: boolean }>;
  /** Bytes from `offset` (default 0), at most `length` (default: to the end), streamed. `INVALID_ARGUMENT` for what is not a regular file. */
  read(path: string, options?: ReadOptions): AsyncIterable<Uint8Array>;
  /** Creates parent directories. */
  write(
    path: string,
    content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options?: WriteOptions,
  ): Promise<FileStat>;
  sha256(path: string): Promise<string>;
  /** `recursive` also accepts an existing directory; without it that is `ALREADY_EXISTS`. */
  makeDirectory(
    path: string,
    options: { recursive: boolean; permissions?: number },
  ): Promise<FileStat>;
  move(from: string, to: string, options: { overwrite: boolean }): Promise<FileStat>;
  copy(from: string, to: string, options: { overwrite: boolean }): Promise<FileStat>;
  /** A directory with entries needs `recursive`, else `CONFLICT`. `NOT_FOUND` when absent. */
  remove(path: string, options: { recursive: boolean }): Promise<void>;
  /** Resolves once watching: changes after that are delivered. Ends when `signal` aborts or the sandbox ends. */
  watch(
    path: string,
    options: { recursive: boolean; signal: AbortSignal },
  ): Promise<AsyncIterable<FileChange>>;
};

/**
 * Files as a vendor gives them: reading and writing whole files is the core, the rest is optional. Paths have been checked. `atomic: false`
 * says that a write can be seen half done, and that the vendor cannot check `ifMatch` or `create`: such a write is refused, it is asked
 * only to replace, and only temporary files where the image can rename one.
 */
export type VendorFiles = {
  read(path: string, options?: ReadOptions): AsyncIterable<Uint8Array>;
  write(
    path: string,
    content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options?: WriteOptions,
    /** May resolve with the `FileStat`, which saves asking for it. */
  ): Promise<unknown>;
  atomic: boolean;
} & Partial<Omit<SandboxFiles, 'read' | 'write'>>;
