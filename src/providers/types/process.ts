export type PtySize = { cols: number; rows: number };

export type SpawnSpec = {
  /** Sandbank's process id, unique for ever. A second spawn with the same id attaches to the first and never runs twice. */
  id: string;
  argv: readonly [string, ...string[]];
  /** Absolute, or relative to the home. Default: the home. */
  cwd?: string;
  env: Readonly<Record<string, string>>;
  pty?: PtySize;
  /** False: standard input is empty from the start, and nothing can be written to it. Default true. */
  stdin?: boolean;
  /** Milliseconds until the whole process tree is killed; absent: no limit. */
  timeoutMs?: number;
};

export const outputStreams = ['stdout', 'stderr', 'pty'] as const;
export type OutputStream = (typeof outputStreams)[number];

/** `position` grows with every chunk of the process; an attach after it delivers exactly what follows. */
export type OutputChunk = {
  kind: 'output';
  stream: OutputStream;
  bytes: Uint8Array;
  position: number;
};
/** The vendor says, or can be seen, to have lost output here. */
export type OutputLost = { kind: 'lost'; reason: string; position: number };

export const exitReasons = [
  'TIMED_OUT',
  'OUT_OF_MEMORY',
  'DISK_LIMIT',
  'SANDBOX_ENDED',
  'STOPPED_BY_CALLER',
] as const;
export type ExitReason = (typeof exitReasons)[number];

export type ProcessExit = {
  kind: 'EXITED' | 'SIGNALED' | 'LOST';
  /** Why it ended; null when it ended by itself, or when nobody knows. */
  reason: ExitReason | null;
  /** 0–255 for `EXITED`, otherwise null. */
  exitCode: number | null;
  /** `SIGTERM` and the like for `SIGNALED`, otherwise null. */
  signal: string | null;
  /** CPU seconds, user and system, of the process and the children it waited for; null where the vendor cannot tell. */
  cpuSeconds: number | null;
  /** Peak resident memory in bytes; null where the vendor cannot tell. */
  maxMemoryBytes: number | null;
};

/** Nobody saw how it ended. */
export const LOST: ProcessExit = {
  kind: 'LOST',
  reason: null,
  exitCode: null,
  signal: null,
  cpuSeconds: null,
  maxMemoryBytes: null,
};

/** A process as a vendor gives it. An absent member says that the vendor cannot. */
export type VendorProcess = {
  /** The vendor's own name of the process, stored so that a later server can attach to it. */
  ref: string;
  /** Inside the sandbox; null where the vendor does not tell. */
  readonly pid: number | null;
  /**
   * Pulling the next chunk acknowledges the one before: the provider may forget it. Ends when all output has been delivered, after which
   * `exit` is settled. A consumer that does not pull holds the process back once the provider's buffer is full.
   */
  output: AsyncIterable<OutputChunk | OutputLost>;
  /** Never rejects: a sandbox that dies gives `LOST`. */
  exit: Promise<ProcessExit>;
  stdin?: {
    /**
     * Resolves when the bytes are with the process. `CONFLICT` when it is closed, `TERMINATED` when the process has exited. After a `TIMEOUT` the
     * process has not read yet: the vendor still delivers the bytes, before what is written next.
     */
    write(bytes: Uint8Array): Promise<void>;
    close(): Promise<void>;
  };
  /** What it reaches is the capability `signals`. `TERMINATED` when the process has exited. */
  signal?(name: string): Promise<void>;
  resize?(size: PtySize): Promise<void>;
  /** The exit has been recorded: the provider may forget the process. */
  release?(): Promise<void>;
};

/** What Sandbank starts. */
export type StartSpec = SpawnSpec & {
  /** Standard input, all of it: it is written and closed. Where the vendor has no standard input it is read from a file. */
  input?: Uint8Array;
};

/** The timeout of a process that was started earlier, and when: in milliseconds since the epoch, before the vendor was asked. */
export type StartLimit = { timeoutMs: number | undefined; startedAt: number };

/** A process with every member; what cannot be had rejects with `UNSUPPORTED`. */
export type SandboxProcess = Pick<VendorProcess, 'ref' | 'pid' | 'exit'> & {
  /** Sandbank's id. */
  id: string;
  /**
   * Pulling the next chunk acknowledges the one before. Who begins to read anew gets first what was not acknowledged, and the reader before gets
   * nothing more. No chunk has more bytes than a journal takes; output that broke off ends with `lost`.
   */
  output: VendorProcess['output'];
  write(bytes: Uint8Array): Promise<void>;
  closeStdin(): Promise<void>;
  signal(name: string): Promise<void>;
  resize(size: PtySize): Promise<void>;
  release(): Promise<void>;
};
