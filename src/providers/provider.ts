/** The seam between Sandbank and one vendor of sandboxes. See docs/decisions/ for why it is this small. */

/** How a capability is met, not only whether; `none` means the call is refused with `UNSUPPORTED`. */
export type Capabilities = {
  /** What a reattached process delivers: everything not yet acknowledged, only new output, or nothing. */
  reattach: 'replay' | 'live' | 'none';
  /** `bytes`: output is exact; `text`: the vendor decoded it, invalid UTF-8 is already lost. */
  output: 'bytes' | 'text';
  pty: 'native' | 'none';
  stdin: 'native' | 'none';
  signals: 'group' | 'process' | 'none';
  watch: 'native' | 'none';
  ports: 'tunnel' | 'url' | 'none';
  extend: 'native' | 'none';
  networkPolicies: readonly NetworkMode[];
  pause: 'memory' | 'filesystem' | 'none';
  snapshot: 'filesystem' | 'none';
  secrets: 'brokered' | 'env';
  /** Whether its sandboxes live on this machine only, so that no other host's server can reach them. */
  bound: 'host' | 'none';
  /** Whether cpu, memory, process and disk limits are enforced by the kernel or only watched. */
  limits: 'enforced' | 'best-effort' | 'none';
};

export const networkModes = ['none', 'allow-list', 'full'] as const;
export type NetworkMode = (typeof networkModes)[number];
export type NetworkPolicy = {
  mode: NetworkMode /** Host names, `*.example.com` allowed. */;
  allow: readonly string[];
};

export type ResourceLimits = {
  /** Cores, may be fractional. */
  cpus: number;
  memoryBytes: number;
  diskBytes: number;
  processes: number;
};

export type SandboxSpec = {
  /** Sandbank's id, stored at the vendor as a label so that a lost create can be found again. */
  id: string;
  template: string;
  env: Readonly<Record<string, string>>;
  limits: ResourceLimits;
  network: NetworkPolicy;
};

export type ProviderSandbox = {
  /** The vendor's opaque id. */ ref: string /** Sandbank's id, from the label. */;
  id: string;
};

export type Health = {
  status: 'healthy' | 'degraded' | 'unavailable' /** What is wrong and how to mend it. */;
  reason: string | null;
};

/** `enforcement` says for each limit who holds it, e.g. `cgroup v1`, `cgroup v2`, `tmpfs size`, `rlimit`, `polling`. */
export type ResourceUsage = {
  cpuSeconds: number;
  memoryBytes: number;
  peakMemoryBytes: number;
  diskBytes: number;
  processes: number;
  /** To and from outside, since this handle exists; null where the provider does not know. */
  egressBytes: number | null;
  limits: ResourceLimits;
  enforcement: { cpus: string; memory: string; disk: string; processes: string };
};

export type SpawnSpec = {
  /** Sandbank's process id, unique for ever. A second spawn with the same id attaches to the first and never runs twice. */
  id: string;
  argv: readonly [string, ...string[]];
  cwd?: string;
  env: Readonly<Record<string, string>>;
  pty?: PtySize;
  /** False: standard input is empty from the start, and nothing can be written to it. Default true. */
  stdin?: boolean;
  /** Milliseconds until the whole process tree is killed; absent: no limit. */
  timeoutMs?: number;
};

export type PtySize = { cols: number; rows: number };

export const outputStreams = ['stdout', 'stderr', 'pty'] as const;
export type OutputStream = (typeof outputStreams)[number];

/** `position` grows with every chunk of the process; a reattach after it delivers exactly what follows. */
export type OutputChunk = {
  kind: 'output';
  stream: OutputStream;
  bytes: Uint8Array;
  position: number;
};
/** The vendor says (or can be seen to have) lost output here. */
export type OutputLost = { kind: 'lost'; reason: string; position: number };

export type ProcessExit = {
  kind: 'EXITED' | 'SIGNALED' | 'TIMED_OUT' | 'LOST';
  /** 0–255 for `EXITED`, otherwise null. */
  exitCode: number | null;
  /** `SIGTERM` and the like for `SIGNALED` and `TIMED_OUT`, otherwise null. */
  signal: string | null;
  /** CPU seconds, user and system, of the process and the children it waited for; null where the vendor cannot tell. */
  cpuSeconds: number | null;
  /** Peak resident memory in bytes; null where the vendor cannot tell. */
  maxMemoryBytes: number | null;
};

/** Nobody saw how it ended. */
export const LOST: ProcessExit = {
  kind: 'LOST',
  exitCode: null,
  signal: null,
  cpuSeconds: null,
  maxMemoryBytes: null,
};

export type ProviderProcess = {
  id: string;
  /** Pid inside the sandbox. */
  pid: number | null;
  /**
   * Pulling the next chunk acknowledges the one before: the provider may forget it. Ends when all output has been delivered,
   * after which `exit` is settled. A consumer that does not pull holds the process back once the provider's buffer is full.
   */
  output: AsyncIterable<OutputChunk | OutputLost>;
  /** Never rejects: a sandbox that dies gives `LOST`. */
  exit: Promise<ProcessExit>;
  /** Resolves when the bytes are with the process. `CONFLICT` when stdin is closed, `TERMINATED` when it has exited. */
  write(bytes: Uint8Array): Promise<void>;
  closeStdin(): Promise<void>;
  /** Signals the whole process group, e.g. `SIGTERM`. Signalling one that has exited is `TERMINATED`. */
  signal(name: string): Promise<void>;
  resize(size: PtySize): Promise<void>;
  /** The exit has been recorded: the provider may forget the process. */
  release(): Promise<void>;
};

export const fileTypes = ['file', 'directory', 'symlink', 'other'] as const;
export type FileType = (typeof fileTypes)[number];
export type FileStat = {
  /** Absolute, normalised. */
  path: string;
  type: FileType;
  /** Bytes. */
  size: number;
  /** Permission bits, e.g. 0o644. */
  mode: number;
  /** Milliseconds since the epoch. */
  modifiedAt: number;
  symlinkTarget: string | null;
};

export type WriteOptions = {
  /** `create`: refuse an existing file (`ALREADY_EXISTS`). `append`: add at the end. Default `replace`, atomically. */
  mode?: 'replace' | 'create' | 'append';
  permissions?: number;
  /** Lower-case hex sha256 the present content must have, else `PRECONDITION_FAILED`. */
  ifMatch?: string;
};

/** `kind: 'overflow'`: events were lost, list the directory again. */
export type FileChange = { kind: 'created' | 'modified' | 'deleted' | 'overflow'; path: string };

/** Paths are absolute, or relative to the sandbox's home. No path leads out of the sandbox. */
export type SandboxFiles = {
  /** null when nothing is there. Does not follow a final symlink. */
  stat(path: string): Promise<FileStat | null>;
  /** Entries sorted by path; `recursive` does not follow symlinks. At most `limit` entries, `truncated` says so. */
  list(
    path: string,
    options: { recursive: boolean; limit: number },
  ): Promise<{ entries: FileStat[]; truncated: boolean }>;
  /** Bytes from `offset` (default 0), at most `length` (default: to the end), streamed. `INVALID_ARGUMENT` for what is not a regular file. */
  read(
    path: string,
    options?: { offset?: number; length?: number; signal?: AbortSignal },
  ): AsyncIterable<Uint8Array>;
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

export type SandboxEnd = { reason: 'destroyed' | 'died'; message: string };

export type SandboxHandle = {
  ref: string;
  files: SandboxFiles;
  spawn(spec: SpawnSpec): Promise<ProviderProcess>;
  /** A process started earlier, also by a server that has since died; `after` is the last recorded position (0: from the start). `NOT_FOUND` when unknown. */
  reattach(processId: string, after: number): Promise<ProviderProcess>;
  usage(): Promise<ResourceUsage>;
  /** A connection to 127.0.0.1:`port` inside. `UNAVAILABLE` when nothing listens there. */
  dial(port: number): Promise<import('node:stream').Duplex>;
  /** TCP ports listened on inside. */
  ports(): Promise<number[]>;
  /** Settles once, when the sandbox has ended for whatever reason. */
  ended: Promise<SandboxEnd>;
  /** Resolves when no process, mount, socket or directory is left. Idempotent. */
  destroy(): Promise<void>;
};

export type Provider = {
  name: string;
  capabilities: Capabilities;
  health(): Promise<Health>;
  /** `UNAVAILABLE` with the way to mend it where the provider cannot work here. */
  create(spec: SandboxSpec): Promise<SandboxHandle>;
  /** A sandbox created earlier, also by a server that has since died. `NOT_FOUND` when it is gone. */
  connect(ref: string): Promise<SandboxHandle>;
  /** Everything at the vendor that bears this server's label: the truth the reaper compares the store with. */
  list(): Promise<ProviderSandbox[]>;
  /** Lets go of connections; sandboxes live on. */
  dispose(): Promise<void>;
};
