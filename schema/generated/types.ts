export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** Bytes in base64 (RFC 4648 §4, with padding). */
  Base64: { input: string; output: string; }
  /** A count of bytes, 0 to 2^53 - 1: a JSON number (a string of digits is accepted too). */
  Byte: { input: number; output: number; }
  /** An opaque, signed place in one stream of one tenant. Send back the one you last handled; delivery goes on right after it. */
  Cursor: { input: string; output: string; }
  /** An instant, RFC 3339 in UTC with milliseconds: `2026-01-31T12:00:00.000Z`. */
  DateTime: { input: string; output: string; }
  /** Any JSON value. */
  JSON: { input: unknown; output: unknown; }
};

/** One mutation or refusal: who did what to what, and how it went. Never with what contents. */
export type AuditEntry = {
  __typename?: 'AuditEntry';
  /** The mutation, or what was read. */
  action: Scalars['String']['output'];
  /** From where. */
  address?: Maybe<Scalars['String']['output']>;
  /** When. */
  at: Scalars['DateTime']['output'];
  /** Why not. */
  code?: Maybe<Scalars['String']['output']>;
  /** SHA-256 over the row and the hash before it, in hex. */
  hash: Scalars['String']['output'];
  /** Of the row. */
  id: Scalars['ID']['output'];
  /** Rows of a tenant are counted from 1. */
  number: Scalars['Int']['output'];
  /** How it went. */
  outcome: AuditOutcome;
  /** `hash` of the row before; empty for the first. */
  previousHash: Scalars['String']['output'];
  /** As in `x-request-id`. */
  requestId: Scalars['ID']['output'];
  /** As what. */
  role?: Maybe<Scalars['String']['output']>;
  /** In which sandbox. */
  sandboxId?: Maybe<Scalars['ID']['output']>;
  /** Who. */
  subject?: Maybe<Scalars['String']['output']>;
  /** Id of what it was done to, as it was given. */
  target?: Maybe<Scalars['String']['output']>;
  /** Of the caller; empty when its token was refused. */
  tenant: Scalars['String']['output'];
  /** With which token. */
  tokenId?: Maybe<Scalars['ID']['output']>;
};

/** All that is given must hold. */
export type AuditFilter = {
  /** One of these. */
  actions?: InputMaybe<Array<Scalars['String']['input']>>;
  /** From this instant on. */
  from?: InputMaybe<Scalars['DateTime']['input']>;
  /** With one of these outcomes. */
  outcomes?: InputMaybe<Array<AuditOutcome>>;
  /** In one of these requests. */
  requestIds?: InputMaybe<Array<Scalars['ID']['input']>>;
  /** In one of these sandboxes. */
  sandboxIds?: InputMaybe<Array<Scalars['ID']['input']>>;
  /** By one of these. */
  subjects?: InputMaybe<Array<Scalars['String']['input']>>;
  /** For roles that reach all; empty: callers whose token was refused. Default: one’s own. */
  tenant?: InputMaybe<Scalars['String']['input']>;
  /** Until before this one. */
  to?: InputMaybe<Scalars['DateTime']['input']>;
};

/** A page of the audit log. */
export type AuditLogConnection = {
  __typename?: 'AuditLogConnection';
  /** The places of the page, in order. */
  edges: Array<AuditLogEdge>;
  /** Where the page lies in the list. */
  pageInfo: PageInfo;
};

/** A place in the list. */
export type AuditLogEdge = {
  __typename?: 'AuditLogEdge';
  /** The place in the list, for `after` and `before`. */
  cursor: Scalars['String']['output'];
  /** What is there. */
  node: AuditEntry;
};

/** How it went. */
export type AuditOutcome =
  /** It was refused. */
  | 'DENIED'
  /** It was allowed and could not be done. */
  | 'FAILED'
  /** It was done. */
  | 'SUCCEEDED';

/** How a provider does each thing. What it lacks is done by a command in the sandbox where that is the same, else refused with UNSUPPORTED. */
export type Capabilities = {
  __typename?: 'Capabilities';
  /** Moving the expiration. */
  extend: ExtendMode;
  /** How each limit is held. */
  limits: LimitModes;
  /** Network modes it has. */
  networkModes: Array<NetworkMode>;
  /** How output arrives. */
  output: OutputMode;
  /** Pausing. */
  pause: PauseMode;
  /** Reaching servers inside. */
  ports: PortMode;
  /** Terminals. */
  pty: Support;
  /** What a server that restarts gets of a process that runs. */
  reattach: ReattachMode;
  /** How secrets reach a sandbox. */
  secrets: SecretMode;
  /** What a signal reaches. */
  signals: SignalReach;
  /** Snapshots. */
  snapshot: SnapshotMode;
  /** Writing to processes that run. */
  stdin: Support;
  /** File changes. */
  watch: Support;
};

/** Most that a role may ask for; null: not limited by the role. */
export type Ceilings = {
  __typename?: 'Ceilings';
  /** Sandboxes at once of a subject. */
  concurrentSandboxes?: Maybe<Scalars['Int']['output']>;
  /** Cores. */
  cpus?: Maybe<Scalars['Float']['output']>;
  /** Disk of a sandbox. */
  diskBytes?: Maybe<Scalars['Byte']['output']>;
  /** How long a process runs. */
  executionSeconds?: Maybe<Scalars['Float']['output']>;
  /** How long a sandbox lives. */
  lifetimeSeconds?: Maybe<Scalars['Int']['output']>;
  /** Memory of a sandbox. */
  memoryBytes?: Maybe<Scalars['Byte']['output']>;
};

/** Whose. */
export type CloseStdinInput = {
  /** `prc_…` */
  processId: Scalars['ID']['input'];
};

/** What was asked for, or why not. */
export type CloseStdinResult = Failure | ProcessPayload;

/** What code can be run with. */
export type CodeRuntime =
  /** bash */
  | 'BASH'
  /** node */
  | 'NODE'
  /** python3 */
  | 'PYTHON';

/** What to copy. */
export type CopyPathInput = {
  /** Absolute, or relative to /home/user. */
  from: Scalars['String']['input'];
  /** Replace what is there. Default: refuse with ALREADY_EXISTS. */
  overwrite?: InputMaybe<Scalars['Boolean']['input']>;
  /** Where. */
  sandboxId: Scalars['ID']['input'];
  /** Absolute, or relative to /home/user. Missing directories are made. */
  to: Scalars['String']['input'];
};

/** What was asked for, or why not. */
export type CopyPathResult = Failure | FilePayload;

/** What to make. Everything has a default. */
export type CreateSandboxInput = {
  /** Cores. */
  cpus?: InputMaybe<Scalars['Float']['input']>;
  /** Disk. */
  diskBytes?: InputMaybe<Scalars['Byte']['input']>;
  /** Variables for all its processes. */
  env?: InputMaybe<Array<EnvironmentVariable>>;
  /** A second call with the same key within 24 h makes nothing and returns the first sandbox. */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Labels. */
  labels?: InputMaybe<Array<LabelInput>>;
  /** Memory. */
  memoryBytes?: InputMaybe<Scalars['Byte']['input']>;
  /** Hosts for ALLOW_LIST, such as registry.npmjs.org or *.example.com, with :port for others than 80 and 443. */
  networkAllow?: InputMaybe<Array<Scalars['String']['input']>>;
  /** What it may reach. Default: NONE. */
  networkMode?: InputMaybe<NetworkMode>;
  /** Processes at once. */
  processes?: InputMaybe<Scalars['Int']['input']>;
  /** Who shall run it. Default: whoever can. */
  provider?: InputMaybe<Scalars['String']['input']>;
  /** What to make it from. Default: `default`. */
  template?: InputMaybe<Scalars['String']['input']>;
  /** How long it lives unless it is extended. */
  timeoutSeconds?: InputMaybe<Scalars['Int']['input']>;
  /** Without room in a quota: wait for it, as QUEUED, instead of being refused. `sandboxEvents` tells when it is ready. */
  wait?: InputMaybe<Scalars['Boolean']['input']>;
};

/** What was asked for, or why not. */
export type CreateSandboxResult = Failure | QuotaExceeded | SandboxPayload;

/** What to open. */
export type CreateTerminalInput = {
  /** Program and arguments. Default: a login bash. */
  argv?: InputMaybe<Array<Scalars['String']['input']>>;
  /** Columns, 1 to 1,000. Default 80. */
  cols?: InputMaybe<Scalars['Int']['input']>;
  /** Working directory. Default: the home. */
  cwd?: InputMaybe<Scalars['String']['input']>;
  /** On top of the sandbox’s. */
  env?: InputMaybe<Array<EnvironmentVariable>>;
  /** A second call with the same key within 24 h opens nothing and returns the first terminal. */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Rows, 1 to 1,000. Default 24. */
  rows?: InputMaybe<Scalars['Int']['input']>;
  /** Where. */
  sandboxId: Scalars['ID']['input'];
};

/** What was asked for, or why not. */
export type CreateTerminalResult = Failure | QuotaExceeded | TerminalPayload;

/** Which. */
export type DestroySandboxInput = {
  /** `sbx_…` */
  sandboxId: Scalars['ID']['input'];
};

/** What was asked for, or why not. */
export type DestroySandboxResult = Failure | SandboxPayload;

/** Which ones. */
export type DestroySandboxesInput = {
  /** Must not be empty. At most 1,000 at once. */
  filter: SandboxFilter;
};

/** What was destroyed. */
export type DestroySandboxesPayload = {
  __typename?: 'DestroySandboxesPayload';
  /** Those that were alive. */
  sandboxes: Array<Sandbox>;
};

/** What was asked for, or why not. */
export type DestroySandboxesResult = DestroySandboxesPayload | Failure;

/** Which. */
export type DestroyTerminalInput = {
  /** `trm_…` */
  terminalId: Scalars['ID']['input'];
};

/** What was asked for, or why not. */
export type DestroyTerminalResult = Failure | TerminalPayload;

/** What was found. */
export type DiagnosePayload = {
  __typename?: 'DiagnosePayload';
  /** From the outside in. */
  checks: Array<Diagnosis>;
  /** The sandbox. */
  sandbox: Sandbox;
};

/** Which. */
export type DiagnoseSandboxInput = {
  /** `sbx_…` */
  sandboxId: Scalars['ID']['input'];
};

/** What was asked for, or why not. */
export type DiagnoseSandboxResult = DiagnosePayload | Failure;

/** One check of a sandbox. */
export type Diagnosis = {
  __typename?: 'Diagnosis';
  /** What was found. */
  detail: Scalars['String']['output'];
  /** What was checked. */
  name: Scalars['String']['output'];
  /** What to do. */
  remedy?: Maybe<Scalars['String']['output']>;
  /** How it went. */
  status: DiagnosisStatus;
};

/** How a check went. */
export type DiagnosisStatus =
  /** It does not work. */
  | 'FAILED'
  /** As it should be. */
  | 'OK'
  /** It works, for now. */
  | 'WARNING';

/** What is in a directory. */
export type Directory = {
  __typename?: 'Directory';
  /** Sorted by path. */
  entries: Array<File>;
  /** Absolute. */
  path: Scalars['String']['output'];
  /** There is more than was asked for. */
  truncated: Scalars['Boolean']['output'];
};

/** A variable of a process’s environment. */
export type EnvironmentVariable = {
  /** Letters, digits and _. */
  name: Scalars['String']['input'];
  /** Any text without NUL. Never shown again. */
  value: Scalars['String']['input'];
};

/** A failure that was foreseen, as data. */
export type Error = {
  /** What kind of failure, for programs. */
  code: ErrorCode;
  /** Facts for programs, such as `earliest` for `CURSOR_EXPIRED`. */
  details: Scalars['JSON']['output'];
  /** What was wrong, where, and what to do, for people. */
  message: Scalars['String']['output'];
  /** How long to wait before a retry, in milliseconds. */
  retryAfterMs?: Maybe<Scalars['Int']['output']>;
  /** The same call may succeed later without a change. */
  retryable: Scalars['Boolean']['output'];
};

/** Why something was refused. The list only grows. */
export type ErrorCode =
  /** Something is there already. */
  | 'ALREADY_EXISTS'
  /** The cursor is not one of this stream or list. */
  | 'BAD_CURSOR'
  /** The state of things does not allow it now. */
  | 'CONFLICT'
  /** What follows the cursor is no longer kept; `details.earliest` is the way on. */
  | 'CURSOR_EXPIRED'
  /** The token, or the sandbox’s user, may not do this. */
  | 'FORBIDDEN'
  /** The key was used with other parameters. */
  | 'IDEMPOTENCY_CONFLICT'
  /** A bug of ours; tell the operator the requestId. */
  | 'INTERNAL'
  /** An argument is wrong; the message says which. */
  | 'INVALID_ARGUMENT'
  /** More than the role or the server allows at once; `details.limit` names the limit. */
  | 'LIMIT_EXCEEDED'
  /** There is nothing with this id or path, or it is another tenant’s. */
  | 'NOT_FOUND'
  /** The disk of the sandbox is full. */
  | 'NO_SPACE'
  /** The content is not the one that was expected. */
  | 'PRECONDITION_FAILED'
  /** What the tenant or the subject may use is used up. */
  | 'QUOTA_EXCEEDED'
  /** Too many calls; `retryAfterMs` says how long to wait. */
  | 'RATE_LIMITED'
  /** It has ended. */
  | 'TERMINATED'
  /** It took too long. */
  | 'TIMEOUT'
  /** The token’s time is over. */
  | 'TOKEN_EXPIRED'
  /** The token was revoked. */
  | 'TOKEN_REVOKED'
  /** It is larger than allowed. */
  | 'TOO_LARGE'
  /** No token, or not one of ours. */
  | 'UNAUTHENTICATED'
  /** It cannot be reached or done right now. */
  | 'UNAVAILABLE'
  /** The provider cannot do this. */
  | 'UNSUPPORTED'
  /** Another server looks after the sandbox. Send the same request to the address in `details.address`. */
  | 'WRONG_SERVER';

/** What to run. Give `command` for a shell, or `argv` without one. */
export type ExecInput = {
  /** Program and arguments. */
  argv?: InputMaybe<Array<Scalars['String']['input']>>;
  /** For bash. */
  command?: InputMaybe<Scalars['String']['input']>;
  /** Working directory. Default: the home. */
  cwd?: InputMaybe<Scalars['String']['input']>;
  /** On top of the sandbox’s. */
  env?: InputMaybe<Array<EnvironmentVariable>>;
  /** Most bytes of each stream to return; at most, and by default, what the server allows. */
  outputBytes?: InputMaybe<Scalars['Int']['input']>;
  /** Where. */
  sandboxId: Scalars['ID']['input'];
  /** Written to its standard input, which is closed then. */
  stdin?: InputMaybe<Scalars['String']['input']>;
  /** Milliseconds until the whole process tree is killed. Default: none. */
  timeoutMs?: InputMaybe<Scalars['Int']['input']>;
};

/** What a command said and how it ended. */
export type ExecPayload = {
  __typename?: 'ExecPayload';
  /** Milliseconds from start to end. */
  durationMs: Scalars['Int']['output'];
  /** 0 to 255; null unless it exited by itself. */
  exitCode?: Maybe<Scalars['Int']['output']>;
  /** The process; its `output` holds everything. */
  process: Process;
  /** Standard error as UTF-8, up to the limit. */
  stderr: Scalars['String']['output'];
  /** Standard error, exactly, up to the limit. */
  stderrData: Scalars['Base64']['output'];
  /** There was more than the limit; the rest is in `process.output`. */
  stderrTruncated: Scalars['Boolean']['output'];
  /** Standard output as UTF-8, up to the limit. */
  stdout: Scalars['String']['output'];
  /** Standard output, exactly, up to the limit. */
  stdoutData: Scalars['Base64']['output'];
  /** There was more than the limit; the rest is in `process.output`. */
  stdoutTruncated: Scalars['Boolean']['output'];
};

/** What was asked for, or why not. */
export type ExecResult = ExecPayload | Failure | QuotaExceeded;

/** How a process ended. Never invented. */
export type ExitKind =
  /** By itself. */
  | 'EXITED'
  /** Nobody saw how. */
  | 'LOST'
  /** By a signal. */
  | 'SIGNALED'
  /** Killed when its time was over. */
  | 'TIMED_OUT';

/** Who holds the expiration of a sandbox. */
export type ExtendMode =
  /** The vendor, which moves it. */
  | 'NATIVE'
  /** The vendor, which cannot move it: extending is refused with UNSUPPORTED. */
  | 'NONE'
  /** Sandbank alone. */
  | 'SERVER';

/** How long it shall live on. */
export type ExtendSandboxInput = {
  /** `sbx_…` */
  sandboxId: Scalars['ID']['input'];
  /** Seconds from now until it ends. */
  timeoutSeconds: Scalars['Int']['input'];
};

/** What was asked for, or why not. */
export type ExtendSandboxResult = Failure | SandboxPayload;

/** The call was refused; nothing changed unless the message says so. */
export type Failure = Error & {
  __typename?: 'Failure';
  /** What kind of failure, for programs. */
  code: ErrorCode;
  /** Facts for programs, such as `earliest` for `CURSOR_EXPIRED`. */
  details: Scalars['JSON']['output'];
  /** What was wrong, where, and what to do, for people. */
  message: Scalars['String']['output'];
  /** How long to wait before a retry, in milliseconds. */
  retryAfterMs?: Maybe<Scalars['Int']['output']>;
  /** The same call may succeed later without a change. */
  retryable: Scalars['Boolean']['output'];
};

/** What is at a path of a sandbox. Links are shown, not followed. */
export type File = {
  __typename?: 'File';
  /** Its bytes, at most 1 MiB at once; for more, `Sandbox.downloadUrl`. Null unless it is a regular file. */
  content?: Maybe<FileContent>;
  /** Permission bits in octal, such as 0644. */
  mode: Scalars['String']['output'];
  /** When it was last written. */
  modifiedAt: Scalars['DateTime']['output'];
  /** Last part of the path. */
  name: Scalars['String']['output'];
  /** Absolute. */
  path: Scalars['String']['output'];
  /** Of its content, in hex; null unless it is a regular file. */
  sha256?: Maybe<Scalars['String']['output']>;
  /** Bytes. */
  size: Scalars['Byte']['output'];
  /** What a link says. */
  symlinkTarget?: Maybe<Scalars['String']['output']>;
  /** What it is. */
  type: FileType;
};


/** What is at a path of a sandbox. Links are shown, not followed. */
export type FileContentArgs = {
  length?: InputMaybe<Scalars['Byte']['input']>;
  offset?: InputMaybe<Scalars['Byte']['input']>;
};

/** A change of a path that is watched. */
export type FileChange = {
  __typename?: 'FileChange';
  /** What happened. */
  kind: FileChangeKind;
  /** Absolute. */
  path: Scalars['String']['output'];
};

/** What happened to a path. */
export type FileChangeKind =
  /** It is there now. */
  | 'CREATED'
  /** It is gone. */
  | 'DELETED'
  /** Its content or its mode changed. */
  | 'MODIFIED'
  /** Too much at once: list the directory again. */
  | 'OVERFLOW';

/** Bytes of a file. */
export type FileContent = {
  __typename?: 'FileContent';
  /** Exactly. */
  data: Scalars['Base64']['output'];
  /** How many they are. */
  length: Scalars['Byte']['output'];
  /** Where they begin. */
  offset: Scalars['Byte']['output'];
  /** As UTF-8; null when they are not valid UTF-8. */
  text?: Maybe<Scalars['String']['output']>;
  /** How many the file has. */
  totalSize: Scalars['Byte']['output'];
  /** The file goes on after them. */
  truncated: Scalars['Boolean']['output'];
};

/** A file to write: `text` or `data`. */
export type FileInput = {
  /** Content as it is. */
  data?: InputMaybe<Scalars['Base64']['input']>;
  /** Only if its sha256 is this one, else PRECONDITION_FAILED. */
  ifMatch?: InputMaybe<Scalars['String']['input']>;
  /** How to write. Default: REPLACE. */
  mode?: InputMaybe<WriteMode>;
  /** Absolute, or relative to /home/user. Missing directories are made. */
  path: Scalars['String']['input'];
  /** Permission bits in octal, such as 0644. */
  permissions?: InputMaybe<Scalars['String']['input']>;
  /** Content as UTF-8. */
  text?: InputMaybe<Scalars['String']['input']>;
};

/** A file after a change. */
export type FilePayload = {
  __typename?: 'FilePayload';
  /** As it is now. */
  file: File;
};

/** What is at a path. */
export type FileType =
  /** A directory. */
  | 'DIRECTORY'
  /** A regular file. */
  | 'FILE'
  /** A socket, FIFO or device. */
  | 'OTHER'
  /** A symbolic link. */
  | 'SYMLINK';

/** What to install. */
export type InstallPackagesInput = {
  /** Working directory. Default: the home. */
  cwd?: InputMaybe<Scalars['String']['input']>;
  /** With what. */
  manager: PackageManager;
  /** 1 to 200 names, each with an optional version. */
  packages: Array<Scalars['String']['input']>;
  /** Where. Its network policy must let it reach the registry. */
  sandboxId: Scalars['ID']['input'];
};

/** What was asked for, or why not. */
export type InstallPackagesResult = Failure | ProcessPayload | QuotaExceeded;

/** For whom, and for what. Never more than one’s own rights. */
export type IssueTokenInput = {
  /** Only these of the role. Default: all of them. */
  permissions?: InputMaybe<Array<Permission>>;
  /** For roles that reach all. Default: one’s own. */
  plan?: InputMaybe<Scalars['String']['input']>;
  /** Only what changes nothing. */
  readOnly?: InputMaybe<Scalars['Boolean']['input']>;
  /** Such as viewer. */
  role: Scalars['String']['input'];
  /** Only these sandboxes, at most 50. Default: all. */
  sandboxIds?: InputMaybe<Array<Scalars['ID']['input']>>;
  /** Who it speaks for. */
  subject: Scalars['String']['input'];
  /** For roles that reach all. Default: one’s own. */
  tenant?: InputMaybe<Scalars['String']['input']>;
  /** How long it is valid, 1 s to 366 days. */
  ttlSeconds: Scalars['Int']['input'];
};

/** The new token. It is shown this once. */
export type IssueTokenPayload = {
  __typename?: 'IssueTokenPayload';
  /** Until when. */
  expiresAt: Scalars['DateTime']['output'];
  /** For `Authorization: Bearer`. */
  token: Scalars['String']['output'];
  /** To revoke it by. */
  tokenId: Scalars['ID']['output'];
};

/** What was asked for, or why not. */
export type IssueTokenResult = Failure | IssueTokenPayload;

/** A name and a value that clients give to sandboxes. */
export type Label = {
  __typename?: 'Label';
  /** The name. */
  key: Scalars['String']['output'];
  /** The value. */
  value: Scalars['String']['output'];
};

/** A label. */
export type LabelInput = {
  /** 1 to 63 of A-Z a-z 0-9 . _ / - */
  key: Scalars['String']['input'];
  /** At most 255 characters. */
  value: Scalars['String']['input'];
};

/** How a limit is held. */
export type LimitMode =
  /** It can be exceeded for a while, or evaded. */
  | 'ADVISORY'
  /** Nothing in the sandbox gets past it. */
  | 'ENFORCED'
  /** It is not held: a sandbox that asks for this limit is placed elsewhere. */
  | 'NONE';

/** How a provider holds each limit of a sandbox. */
export type LimitModes = {
  __typename?: 'LimitModes';
  /** Cores. */
  cpu: LimitMode;
  /** Bytes on disk. */
  disk: LimitMode;
  /** Files on disk. */
  inodes: LimitMode;
  /** Memory. */
  memory: LimitMode;
  /** Processes at once. */
  processes: LimitMode;
  /** `timeoutMs` of a process, for everything that it started. */
  time: LimitMode;
};

/** What to make. */
export type MakeDirectoryInput = {
  /** Absolute, or relative to /home/user. */
  path: Scalars['String']['input'];
  /** Permission bits in octal, such as 0644. */
  permissions?: InputMaybe<Scalars['String']['input']>;
  /** Make what is missing above it, and accept that it is there already. */
  recursive?: InputMaybe<Scalars['Boolean']['input']>;
  /** Where. */
  sandboxId: Scalars['ID']['input'];
};

/** What was asked for, or why not. */
export type MakeDirectoryResult = Failure | FilePayload;

/** What to move. */
export type MovePathInput = {
  /** Absolute, or relative to /home/user. */
  from: Scalars['String']['input'];
  /** Replace what is there. Default: refuse with ALREADY_EXISTS. */
  overwrite?: InputMaybe<Scalars['Boolean']['input']>;
  /** Where. */
  sandboxId: Scalars['ID']['input'];
  /** Absolute, or relative to /home/user. Missing directories are made. */
  to: Scalars['String']['input'];
};

/** What was asked for, or why not. */
export type MovePathResult = Failure | FilePayload;

/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type Mutation = {
  __typename?: 'Mutation';
  /** Ends standard input. */
  closeStdin: CloseStdinResult;
  /** Copies a file, or a directory with all that is in it. Links are copied as links. */
  copyPath: CopyPathResult;
  /** Makes a sandbox and returns when it is ready, or when it waits (`wait: true`). */
  createSandbox: CreateSandboxResult;
  /** Opens a terminal. */
  createTerminal: CreateTerminalResult;
  /** Ends a sandbox; returns when nothing is left of it. Again: the same answer. */
  destroySandbox: DestroySandboxResult;
  /** Ends all living sandboxes that the filter finds. */
  destroySandboxes: DestroySandboxesResult;
  /** Hangs up, and kills what does not listen within half a second. Again: the same answer. */
  destroyTerminal: DestroyTerminalResult;
  /** Says why something in a sandbox may not work. */
  diagnoseSandbox: DiagnoseSandboxResult;
  /** Runs a command, waits for its end, returns what it said. An exit code is no failure. It runs on if the caller leaves. */
  exec: ExecResult;
  /** Sets the end to so many seconds from now, sooner or later than it was. */
  extendSandbox: ExtendSandboxResult;
  /** Installs packages as one process, whose output can be followed. */
  installPackages: InstallPackagesResult;
  /** Makes a token, for a share link or a dashboard, say. */
  issueToken: IssueTokenResult;
  /** Makes a directory. */
  makeDirectory: MakeDirectoryResult;
  /** Moves or renames a file or directory. */
  movePath: MovePathResult;
  /** Gives the WebSocket this is sent on another token: its streams live on past the end of the first. Over HTTP: UNSUPPORTED. */
  reauthenticate: ReauthenticateResult;
  /** Removes a file, a link or a directory. */
  removePath: RemovePathResult;
  /** Changes the size; the programs in it get SIGWINCH. */
  resizeTerminal: ResizeTerminalResult;
  /** Ends tokens before their time, and the signed URLs that were asked for with them. */
  revokeTokens: RevokeTokensResult;
  /** Runs code in a language and waits for its end: `exec` without the quoting. */
  runCode: RunCodeResult;
  /** Sets a quota. Who reaches all tenants replaces what the plan says; who reaches one can only set less for it. */
  setQuota: SetQuotaResult;
  /** Shares a sandbox with a subject; again: with the new access. */
  shareSandbox: ShareSandboxResult;
  /** Signals the whole process group. */
  signalProcess: SignalProcessResult;
  /** Starts a process and returns at once. Subscribe to `processOutput` whenever you like: nothing is missed. */
  startProcess: StartProcessResult;
  /** Takes a share back. Again: the same answer. */
  unshareSandbox: UnshareSandboxResult;
  /** Replaces the labels. */
  updateSandbox: UpdateSandboxResult;
  /** Waits for the end, at most so long, and returns the process as it is then. */
  waitProcess: WaitProcessResult;
  /** Writes a file. For more than a few MiB use `Sandbox.uploadUrl`. */
  writeFile: WriteFileResult;
  /** Writes several files, one after the other. */
  writeFiles: WriteFilesResult;
  /** Writes to standard input. CONFLICT when it is closed, TERMINATED when the process has ended. */
  writeStdin: WriteStdinResult;
  /** Types into a terminal. */
  writeTerminal: WriteTerminalResult;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationCloseStdinArgs = {
  input: CloseStdinInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationCopyPathArgs = {
  input: CopyPathInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationCreateSandboxArgs = {
  input: CreateSandboxInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationCreateTerminalArgs = {
  input: CreateTerminalInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationDestroySandboxArgs = {
  input: DestroySandboxInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationDestroySandboxesArgs = {
  input: DestroySandboxesInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationDestroyTerminalArgs = {
  input: DestroyTerminalInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationDiagnoseSandboxArgs = {
  input: DiagnoseSandboxInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationExecArgs = {
  input: ExecInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationExtendSandboxArgs = {
  input: ExtendSandboxInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationInstallPackagesArgs = {
  input: InstallPackagesInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationIssueTokenArgs = {
  input: IssueTokenInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationMakeDirectoryArgs = {
  input: MakeDirectoryInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationMovePathArgs = {
  input: MovePathInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationReauthenticateArgs = {
  input: ReauthenticateInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationRemovePathArgs = {
  input: RemovePathInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationResizeTerminalArgs = {
  input: ResizeTerminalInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationRevokeTokensArgs = {
  input: RevokeTokensInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationRunCodeArgs = {
  input: RunCodeInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationSetQuotaArgs = {
  input: SetQuotaInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationShareSandboxArgs = {
  input: ShareSandboxInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationSignalProcessArgs = {
  input: SignalProcessInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationStartProcessArgs = {
  input: StartProcessInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationUnshareSandboxArgs = {
  input: UnshareSandboxInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationUpdateSandboxArgs = {
  input: UpdateSandboxInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationWaitProcessArgs = {
  input: WaitProcessInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationWriteFileArgs = {
  input: WriteFileInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationWriteFilesArgs = {
  input: WriteFilesInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationWriteStdinArgs = {
  input: WriteStdinInput;
};


/** Changes. Each takes one `input`; expected failures come back as `Failure`. */
export type MutationWriteTerminalArgs = {
  input: WriteTerminalInput;
};

/** What a sandbox may reach. Never the host itself or private addresses. */
export type NetworkMode =
  /** The hosts listed, over HTTP and HTTPS. */
  | 'ALLOW_LIST'
  /** Every public host, over HTTP and HTTPS. */
  | 'FULL'
  /** Nothing outside. */
  | 'NONE';

/** Anything with an id of its own. */
export type Node = {
  /** Opaque, and valid everywhere in this API; it begins with its type. */
  id: Scalars['ID']['output'];
};

/** Which way. */
export type OrderDirection =
  /** Smallest first. */
  | 'ASC'
  /** Largest first. */
  | 'DESC';

/** Output that was and can no longer be had. What follows is whole again. */
export type OutputGap = ProcessEvent & {
  __typename?: 'OutputGap';
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
  /** Number of the first lost record. */
  from: Scalars['Int']['output'];
  /** Why. */
  reason: Scalars['String']['output'];
  /** Number of the last lost record. */
  to: Scalars['Int']['output'];
};

/** How the output of a process arrives. */
export type OutputMode =
  /** When the process has ended, perhaps decoded by the vendor. */
  | 'AT_END'
  /** Exactly, as it is written. */
  | 'BYTES'
  /** As it is written, decoded by the vendor: what is not UTF-8 is lost. */
  | 'TEXT';

/** Where a process wrote. */
export type OutputStream =
  /** A terminal, where both are one. */
  | 'PTY'
  /** Standard error. */
  | 'STDERR'
  /** Standard output. */
  | 'STDOUT';

/** What packages can be installed with. */
export type PackageManager =
  /** npm install */
  | 'NPM'
  /** pip install --user */
  | 'PIP';

/** Where a page lies in its list. */
export type PageInfo = {
  __typename?: 'PageInfo';
  /** For `after` of the page behind. */
  endCursor?: Maybe<Scalars['String']['output']>;
  /** There is more after it. */
  hasNextPage: Scalars['Boolean']['output'];
  /** There is more before it. */
  hasPreviousPage: Scalars['Boolean']['output'];
  /** For `before` of the page in front. */
  startCursor?: Maybe<Scalars['String']['output']>;
};

/** What survives a pause. */
export type PauseMode =
  /** Files. */
  | 'FILESYSTEM'
  /** Processes and files. */
  | 'MEMORY'
  /** It cannot be paused. */
  | 'NONE';

/** What a role allows, and what the scope of a token can narrow it to. */
export type Permission =
  /** Run agents. */
  | 'AGENTS_RUN'
  /** Read the audit log. */
  | 'AUDIT_READ'
  /** See, read, watch and download files. */
  | 'FILES_READ'
  /** Write, upload, move, copy and remove files. */
  | 'FILES_WRITE'
  /** Reach servers inside sandboxes. */
  | 'PORTS_OPEN'
  /** See processes and terminals, and what they say. */
  | 'PROCESSES_READ'
  /** Run commands and code, write to them, signal them. */
  | 'PROCESSES_RUN'
  /** Set quotas. */
  | 'QUOTAS_WRITE'
  /** Create sandboxes. */
  | 'SANDBOXES_CREATE'
  /** Label, extend, share and destroy sandboxes. */
  | 'SANDBOXES_MANAGE'
  /** See sandboxes, their events, what they use, and why they may not work. */
  | 'SANDBOXES_READ'
  /** Introspect the schema in production. */
  | 'SCHEMA_READ'
  /** Open terminals and type into them. */
  | 'TERMINALS_USE'
  /** Issue tokens, never with more rights than one’s own. */
  | 'TOKENS_ISSUE'
  /** Revoke tokens, by id, by subject or of a whole tenant. */
  | 'TOKENS_REVOKE'
  /** See usage, quotas and rate limits: one’s own, or those of all the role reaches. */
  | 'USAGE_READ';

/** How servers in a sandbox are reached. */
export type PortMode =
  /** Not at all. */
  | 'NONE'
  /** Through Sandbank. */
  | 'TUNNEL'
  /** At an address of the vendor. */
  | 'URL';

/** A command that runs or ran in a sandbox, and all it said. */
export type Process = Node & {
  __typename?: 'Process';
  /** The words that were run. */
  argv: Array<Scalars['String']['output']>;
  /** The command as it was given. */
  command: Scalars['String']['output'];
  /** CPU seconds it and its children used, in steps of 0.01. */
  cpuSeconds?: Maybe<Scalars['Float']['output']>;
  /** Its working directory; null: the home. */
  cwd?: Maybe<Scalars['String']['output']>;
  /** Milliseconds from start to end. */
  durationMs?: Maybe<Scalars['Int']['output']>;
  /** When it was seen to have ended. */
  endedAt?: Maybe<Scalars['DateTime']['output']>;
  /** 0 to 255, when it exited. */
  exitCode?: Maybe<Scalars['Int']['output']>;
  /** Opaque, and valid everywhere in this API; it begins with its type. */
  id: Scalars['ID']['output'];
  /** Most memory it used; sampled every 250 ms. */
  maxMemoryBytes?: Maybe<Scalars['Byte']['output']>;
  /** What `processOutput` delivers, page by page with the same cursors. */
  output: ProcessOutputPage;
  /** Its number inside the sandbox. */
  pid?: Maybe<Scalars['Int']['output']>;
  /** exec, start, code or packages. */
  purpose: Scalars['String']['output'];
  /** Where it runs. */
  sandbox?: Maybe<Sandbox>;
  /** What ended it, such as SIGKILL. */
  signal?: Maybe<Scalars['String']['output']>;
  /** When it was started. */
  startedAt: Scalars['DateTime']['output'];
  /** Where it is in its life. */
  state: ProcessState;
  /** Milliseconds after which it is killed. */
  timeoutMs?: Maybe<Scalars['Int']['output']>;
};


/** A command that runs or ran in a sandbox, and all it said. */
export type ProcessOutputArgs = {
  after?: InputMaybe<Scalars['Cursor']['input']>;
  maxBytes?: InputMaybe<Scalars['Int']['input']>;
};

/** One event of a process’s stream. The exit comes once, and last. */
export type ProcessEvent = {
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
};

/** The end of a process; the stream completes after it. */
export type ProcessExited = ProcessEvent & {
  __typename?: 'ProcessExited';
  /** When it was recorded. */
  at: Scalars['DateTime']['output'];
  /** CPU seconds, in steps of 0.01. */
  cpuSeconds?: Maybe<Scalars['Float']['output']>;
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
  /** 0 to 255, for EXITED. */
  exitCode?: Maybe<Scalars['Int']['output']>;
  /** How. */
  kind: ExitKind;
  /** Most memory. */
  maxMemoryBytes?: Maybe<Scalars['Byte']['output']>;
  /** Such as SIGKILL, for SIGNALED and TIMED_OUT. */
  signal?: Maybe<Scalars['String']['output']>;
};

/** Bytes that a process wrote, in order. */
export type ProcessOutput = ProcessEvent & {
  __typename?: 'ProcessOutput';
  /** When it was recorded. */
  at: Scalars['DateTime']['output'];
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
  /** The bytes, exactly. */
  data: Scalars['Base64']['output'];
  /** Where. */
  stream: OutputStream;
  /** The same as UTF-8. No character is cut in two: its first bytes wait for the event that completes it. Invalid bytes are U+FFFD. */
  text: Scalars['String']['output'];
};

/** A part of a process’s stream. */
export type ProcessOutputPage = {
  __typename?: 'ProcessOutputPage';
  /** The next page comes after it; `processOutput` goes on from it too. */
  cursor?: Maybe<Scalars['Cursor']['output']>;
  /** The process has ended: no more will come after what there is. */
  ended: Scalars['Boolean']['output'];
  /** In order. */
  events: Array<OutputGap | ProcessExited | ProcessOutput>;
  /** There is more right now. */
  hasMore: Scalars['Boolean']['output'];
};

/** A process after a change. */
export type ProcessPayload = {
  __typename?: 'ProcessPayload';
  /** The process as it is now. */
  process: Process;
  /** An earlier call with the same idempotencyKey did this. */
  replayed: Scalars['Boolean']['output'];
};

/** Where a process is in its life. How it ended is only ever said when it was seen. */
export type ProcessState =
  /** It ended by itself, with an exit code. */
  | 'EXITED'
  /** It is gone, and nobody saw how it ended. */
  | 'LOST'
  /** It runs. */
  | 'RUNNING'
  /** A signal ended it. */
  | 'SIGNALED'
  /** It has been asked for. */
  | 'STARTING'
  /** It was killed because its time was over. */
  | 'TIMED_OUT';

/** One vendor of sandboxes, or this host. */
export type Provider = {
  __typename?: 'Provider';
  /** What it can do, and how. */
  capabilities: Capabilities;
  /** Whether it can take sandboxes now. */
  health: ProviderHealth;
  /** What is wrong and how to repair it; null when nothing is. */
  healthReason?: Maybe<Scalars['String']['output']>;
  /** As in `createSandbox`. */
  name: Scalars['String']['output'];
};

/** Whether a provider can take sandboxes now. */
export type ProviderHealth =
  /** It works, but something is wrong; `healthReason` says what. */
  | 'DEGRADED'
  /** It works. */
  | 'HEALTHY'
  /** It takes no new sandboxes; `healthReason` says why. */
  | 'UNAVAILABLE';

/** Reads. Nothing here changes anything. */
export type Query = {
  __typename?: 'Query';
  /** Every mutation and every refusal, newest first. */
  auditLog: AuditLogConnection;
  /** Whatever has this id; null when there is none in the tenant. */
  node?: Maybe<Process | Sandbox | Terminal>;
  /** The same for several ids, in their order. */
  nodes: Array<Maybe<Process | Sandbox | Terminal>>;
  /** What `installPackages` knows. */
  packageManagers: Array<PackageManager>;
  /** One process; null when there is none with this id in the tenant. */
  process?: Maybe<Process>;
  /** Who can run sandboxes here, of those that the role allows. */
  providers: Array<Provider>;
  /** All quotas that bound a tenant and a subject of it, with what was used of them. */
  quota: Array<Quota>;
  /** How many points one has left. */
  rateLimit: RateLimit;
  /** Languages that `runCode` knows. */
  runtimes: Array<Runtime>;
  /** One sandbox; null when there is none with this id in the tenant. */
  sandbox?: Maybe<Sandbox>;
  /** The tenant’s sandboxes, newest first unless said otherwise. */
  sandboxes: QuerySandboxesConnection;
  /** One terminal; null when there is none with this id in the tenant. */
  terminal?: Maybe<Terminal>;
  /** The newest 100 terminals of a sandbox; `Sandbox.terminals` pages through all. */
  terminals: Array<Terminal>;
  /** What was used, as measured and recorded: what sandboxes use right now is added every few seconds and at their end. */
  usage: Array<Usage>;
  /** Who you are. */
  viewer: Viewer;
};


/** Reads. Nothing here changes anything. */
export type QueryAuditLogArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<AuditFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
};


/** Reads. Nothing here changes anything. */
export type QueryNodeArgs = {
  id: Scalars['ID']['input'];
};


/** Reads. Nothing here changes anything. */
export type QueryNodesArgs = {
  ids: Array<Scalars['ID']['input']>;
};


/** Reads. Nothing here changes anything. */
export type QueryProcessArgs = {
  id: Scalars['ID']['input'];
};


/** Reads. Nothing here changes anything. */
export type QueryQuotaArgs = {
  subject?: InputMaybe<Scalars['String']['input']>;
  tenant?: InputMaybe<Scalars['String']['input']>;
};


/** Reads. Nothing here changes anything. */
export type QueryRateLimitArgs = {
  class?: InputMaybe<RateLimitClass>;
};


/** Reads. Nothing here changes anything. */
export type QuerySandboxArgs = {
  id: Scalars['ID']['input'];
};


/** Reads. Nothing here changes anything. */
export type QuerySandboxesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<SandboxFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<SandboxOrder>;
};


/** Reads. Nothing here changes anything. */
export type QueryTerminalArgs = {
  id: Scalars['ID']['input'];
};


/** Reads. Nothing here changes anything. */
export type QueryTerminalsArgs = {
  sandboxId: Scalars['ID']['input'];
};


/** Reads. Nothing here changes anything. */
export type QueryUsageArgs = {
  from: Scalars['DateTime']['input'];
  groupBy?: InputMaybe<UsageGroup>;
  sandboxId?: InputMaybe<Scalars['ID']['input']>;
  subject?: InputMaybe<Scalars['String']['input']>;
  tenant?: InputMaybe<Scalars['String']['input']>;
  to?: InputMaybe<Scalars['DateTime']['input']>;
};

/** A page of sandboxes. */
export type QuerySandboxesConnection = {
  __typename?: 'QuerySandboxesConnection';
  /** The places of the page, in order. */
  edges: Array<QuerySandboxesConnectionEdge>;
  /** Where the page lies in the list. */
  pageInfo: PageInfo;
  /** How many the filter finds. */
  totalCount: Scalars['Int']['output'];
};

/** A place in the list. */
export type QuerySandboxesConnectionEdge = {
  __typename?: 'QuerySandboxesConnectionEdge';
  /** The place in the list, for `after` and `before`. */
  cursor: Scalars['String']['output'];
  /** What is there. */
  node: Sandbox;
};

/** How much of something may be used, and how much was. */
export type Quota = {
  __typename?: 'Quota';
  /** How much is allowed. */
  limit: Scalars['Float']['output'];
  /** Of what. */
  metric: UsageMetric;
  /** How much is left. */
  remaining: Scalars['Float']['output'];
  /** When it begins anew; null when it does not. */
  resetAt?: Maybe<Scalars['DateTime']['output']>;
  /** Of one subject; null: of the tenant as a whole. */
  subject?: Maybe<Scalars['String']['output']>;
  /** How much was used. */
  used: Scalars['Float']['output'];
  /** Per what. */
  window: QuotaWindow;
};

/** What the tenant or the subject may use is used up; nothing was made. */
export type QuotaExceeded = Error & {
  __typename?: 'QuotaExceeded';
  /** What kind of failure, for programs. */
  code: ErrorCode;
  /** Facts for programs, such as `earliest` for `CURSOR_EXPIRED`. */
  details: Scalars['JSON']['output'];
  /** How much is allowed. */
  limit: Scalars['Float']['output'];
  /** What was wrong, where, and what to do, for people. */
  message: Scalars['String']['output'];
  /** Of what. */
  quota: UsageMetric;
  /** When it begins anew; null when it does not. */
  resetAt?: Maybe<Scalars['DateTime']['output']>;
  /** How long to wait before a retry, in milliseconds. */
  retryAfterMs?: Maybe<Scalars['Int']['output']>;
  /** The same call may succeed later without a change. */
  retryable: Scalars['Boolean']['output'];
  /** How much was used. */
  used: Scalars['Float']['output'];
};

/** A quota is used up to 80 %. Once, until it is used less again or begins anew. */
export type QuotaThresholdReached = UsageEvent & {
  __typename?: 'QuotaThresholdReached';
  /** When. */
  at: Scalars['DateTime']['output'];
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
  /** How much is allowed. */
  limit: Scalars['Float']['output'];
  /** Of what. */
  metric: UsageMetric;
  /** When it begins anew; null when it does not. */
  resetAt?: Maybe<Scalars['DateTime']['output']>;
  /** Of one subject; null: of the tenant as a whole. */
  subject?: Maybe<Scalars['String']['output']>;
  /** How much was used. */
  used: Scalars['Float']['output'];
  /** Per what. */
  window: QuotaWindow;
};

/** What a quota is for, in UTC. */
export type QuotaWindow =
  /** A day. */
  | 'DAY'
  /** An hour. */
  | 'HOUR'
  /** A month. */
  | 'MONTH'
  /** For ever, or at once for what is alive. */
  | 'TOTAL';

/** How many points are left; the narrower of what the subject and its tenant have. */
export type RateLimit = {
  __typename?: 'RateLimit';
  /** Of what. */
  class: RateLimitClass;
  /** What this operation costs of READS; 0 of others. */
  cost: Scalars['Int']['output'];
  /** Points of a window; null: not limited. */
  limit?: Maybe<Scalars['Int']['output']>;
  /** Points left; null: not limited. */
  remaining?: Maybe<Scalars['Int']['output']>;
  /** When the window ends; null before its first call. */
  resetAt?: Maybe<Scalars['DateTime']['output']>;
};

/** What calls cost points of. */
export type RateLimitClass =
  /** Creating a sandbox and starting something in it: one point each. */
  | 'EXECUTIONS'
  /** Touching files: one point each. */
  | 'FILES'
  /** Every operation: its complexity. */
  | 'READS';

/** How far a role sees. */
export type Reach =
  /** Every tenant. */
  | 'ALL'
  /** Its own sandboxes, and those shared with it. */
  | 'OWN'
  /** All of its tenant. */
  | 'TENANT';

/** What a server that restarts gets of a process that runs. */
export type ReattachMode =
  /** New output only; a gap tells of the rest. */
  | 'LIVE'
  /** Nothing: the process counts as lost. */
  | 'NONE'
  /** Everything that was not recorded yet. */
  | 'REPLAY';

/** The next token. */
export type ReauthenticateInput = {
  /** Of the same subject and tenant, with no fewer rights. */
  token: Scalars['String']['input'];
};

/** The connection goes on. */
export type ReauthenticatePayload = {
  __typename?: 'ReauthenticatePayload';
  /** Until when. */
  expiresAt: Scalars['DateTime']['output'];
};

/** What was asked for, or why not. */
export type ReauthenticateResult = Failure | ReauthenticatePayload;

/** What to remove. */
export type RemovePathInput = {
  /** Absolute, or relative to /home/user. */
  path: Scalars['String']['input'];
  /** With all that is in it. Default: a directory with entries is a CONFLICT. */
  recursive?: InputMaybe<Scalars['Boolean']['input']>;
  /** Where. */
  sandboxId: Scalars['ID']['input'];
};

/** What was removed. */
export type RemovePathPayload = {
  __typename?: 'RemovePathPayload';
  /** As it was given. */
  path: Scalars['String']['output'];
};

/** What was asked for, or why not. */
export type RemovePathResult = Failure | RemovePathPayload;

/** The new size. */
export type ResizeTerminalInput = {
  /** Columns, 1 to 1,000. */
  cols: Scalars['Int']['input'];
  /** Rows, 1 to 1,000. */
  rows: Scalars['Int']['input'];
  /** `trm_…` */
  terminalId: Scalars['ID']['input'];
};

/** What was asked for, or why not. */
export type ResizeTerminalResult = Failure | TerminalPayload;

/** Who holds each limit: the kernel by a control group, an rlimit, or only accounting. */
export type ResourceEnforcement = {
  __typename?: 'ResourceEnforcement';
  /** Of the cores. */
  cpus: Scalars['String']['output'];
  /** Of disk. */
  disk: Scalars['String']['output'];
  /** Of memory. */
  memory: Scalars['String']['output'];
  /** Of processes. */
  processes: Scalars['String']['output'];
};

/** What a sandbox uses and what it may use. A number that its provider does not measure is null. */
export type Resources = {
  __typename?: 'Resources';
  /** Cores it may use. */
  cpuLimit: Scalars['Float']['output'];
  /** CPU seconds used since it was created, user and system. */
  cpuSeconds?: Maybe<Scalars['Float']['output']>;
  /** Disk in use below the home. */
  diskBytes?: Maybe<Scalars['Byte']['output']>;
  /** Disk it may use. */
  diskLimitBytes: Scalars['Byte']['output'];
  /** Who holds the limits. */
  enforcement: ResourceEnforcement;
  /** Memory in use. */
  memoryBytes?: Maybe<Scalars['Byte']['output']>;
  /** Memory it may use. */
  memoryLimitBytes: Scalars['Byte']['output'];
  /** Most memory ever in use. */
  peakMemoryBytes?: Maybe<Scalars['Byte']['output']>;
  /** Processes it may have. */
  processLimit: Scalars['Int']['output'];
  /** Processes alive. */
  processes?: Maybe<Scalars['Int']['output']>;
};

/** Which: give `tokenId`, `subject` or `wholeTenant`, one of them. */
export type RevokeTokensInput = {
  /** All issued to this subject until now. */
  subject?: InputMaybe<Scalars['String']['input']>;
  /** For roles that reach all. Default: one’s own. */
  tenant?: InputMaybe<Scalars['String']['input']>;
  /** The one with this id (its claim `jti`). */
  tokenId?: InputMaybe<Scalars['ID']['input']>;
  /** All issued in the tenant until now. */
  wholeTenant?: InputMaybe<Scalars['Boolean']['input']>;
};

/** They do not count any more, and their streams end within a second. */
export type RevokeTokensPayload = {
  __typename?: 'RevokeTokensPayload';
  /** Tokens issued until then are meant. */
  before: Scalars['DateTime']['output'];
};

/** What was asked for, or why not. */
export type RevokeTokensResult = Failure | RevokeTokensPayload;

/** What to run. */
export type RunCodeInput = {
  /** At most 1 MiB. */
  code: Scalars['String']['input'];
  /** Working directory. Default: the home. */
  cwd?: InputMaybe<Scalars['String']['input']>;
  /** On top of the sandbox’s. */
  env?: InputMaybe<Array<EnvironmentVariable>>;
  /** With what. */
  runtime: CodeRuntime;
  /** Where. */
  sandboxId: Scalars['ID']['input'];
  /** Written to its standard input. */
  stdin?: InputMaybe<Scalars['String']['input']>;
  /** Milliseconds until it is killed. Default: none. */
  timeoutMs?: InputMaybe<Scalars['Int']['input']>;
};

/** What was asked for, or why not. */
export type RunCodeResult = ExecPayload | Failure | QuotaExceeded;

/** A language that `runCode` knows. Whether its program is there depends on the sandbox’s template; without it, the exit code is 127. */
export type Runtime = {
  __typename?: 'Runtime';
  /** For people. */
  description: Scalars['String']['output'];
  /** As in `runCode`. */
  name: CodeRuntime;
  /** What runs it. */
  program: Scalars['String']['output'];
};

/** An isolated computer: files, processes, terminals, and a time at which it ends. */
export type Sandbox = Node & {
  __typename?: 'Sandbox';
  /** When it was asked for. */
  createdAt: Scalars['DateTime']['output'];
  /** Subject of the token that made it. */
  createdBy: Scalars['String']['output'];
  /** A directory; null when nothing is there. */
  directory?: Maybe<Directory>;
  /** Where to GET the content of one file, of any size; ranges work. */
  downloadUrl: SignedUrl;
  /** When it ended. */
  endedAt?: Maybe<Scalars['DateTime']['output']>;
  /** Names of the variables given to its processes. Values are never shown. */
  envNames: Array<Scalars['String']['output']>;
  /** When it ends unless it is extended. */
  expiresAt: Scalars['DateTime']['output'];
  /** What is at a path; null when nothing is. */
  file?: Maybe<File>;
  /** Whether something is at a path. */
  fileExists: Scalars['Boolean']['output'];
  /** Opaque, and valid everywhere in this API; it begins with its type. */
  id: Scalars['ID']['output'];
  /** Its labels, by key. */
  labels: Array<Label>;
  /** Hosts of an ALLOW_LIST. */
  networkAllow: Array<Scalars['String']['output']>;
  /** What it may reach. */
  networkMode: NetworkMode;
  /** Where to reach an HTTP or WebSocket server inside, from another origin than this API. Whoever has the URL may use it. */
  portUrl: SignedUrl;
  /** TCP ports that something inside listens on; empty when it is not ready, and where its provider cannot reach ports. */
  ports: Array<Scalars['Int']['output']>;
  /** Its processes, newest first. */
  processes: SandboxProcessesConnection;
  /** Who runs it. */
  provider?: Maybe<Provider>;
  /** Its place among those of the tenant that wait, 1 for the next; null when it does not wait. */
  queuePosition?: Maybe<Scalars['Int']['output']>;
  /** When it became ready. */
  readyAt?: Maybe<Scalars['DateTime']['output']>;
  /** What it uses and may use, measured now; null when it is not ready. */
  resources?: Maybe<Resources>;
  /** Whom it is shared with; for its owner and for roles that reach the tenant. */
  shares: Array<SandboxShare>;
  /** Where it is in its life. */
  state: SandboxState;
  /** What it was made from. */
  template: Scalars['String']['output'];
  /** Whose it is. */
  tenant: Scalars['String']['output'];
  /** Its terminals, newest first. */
  terminals: TerminalConnection;
  /** Why it ended, for people. */
  terminationMessage?: Maybe<Scalars['String']['output']>;
  /** Why it ended. */
  terminationReason?: Maybe<TerminationReason>;
  /** Where to PUT the content of one file, of any size. */
  uploadUrl: SignedUrl;
};


/** An isolated computer: files, processes, terminals, and a time at which it ends. */
export type SandboxDirectoryArgs = {
  limit?: InputMaybe<Scalars['Int']['input']>;
  path: Scalars['String']['input'];
  recursive?: InputMaybe<Scalars['Boolean']['input']>;
};


/** An isolated computer: files, processes, terminals, and a time at which it ends. */
export type SandboxDownloadUrlArgs = {
  path: Scalars['String']['input'];
  ttlSeconds?: InputMaybe<Scalars['Int']['input']>;
};


/** An isolated computer: files, processes, terminals, and a time at which it ends. */
export type SandboxFileArgs = {
  path: Scalars['String']['input'];
};


/** An isolated computer: files, processes, terminals, and a time at which it ends. */
export type SandboxFileExistsArgs = {
  path: Scalars['String']['input'];
};


/** An isolated computer: files, processes, terminals, and a time at which it ends. */
export type SandboxPortUrlArgs = {
  port: Scalars['Int']['input'];
  ttlSeconds?: InputMaybe<Scalars['Int']['input']>;
};


/** An isolated computer: files, processes, terminals, and a time at which it ends. */
export type SandboxProcessesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  states?: InputMaybe<Array<ProcessState>>;
};


/** An isolated computer: files, processes, terminals, and a time at which it ends. */
export type SandboxTerminalsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
};


/** An isolated computer: files, processes, terminals, and a time at which it ends. */
export type SandboxUploadUrlArgs = {
  maxBytes?: InputMaybe<Scalars['Byte']['input']>;
  path: Scalars['String']['input'];
  ttlSeconds?: InputMaybe<Scalars['Int']['input']>;
};

/** It was asked for. */
export type SandboxCreated = SandboxEvent & {
  __typename?: 'SandboxCreated';
  /** When. */
  at: Scalars['DateTime']['output'];
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
  /** Why it ended, for people. */
  message?: Maybe<Scalars['String']['output']>;
  /** Why it ended. */
  reason?: Maybe<TerminationReason>;
  /** The sandbox as it is now, not as it was then. */
  sandbox?: Maybe<Sandbox>;
  /** Which. */
  sandboxId: Scalars['ID']['output'];
};

/** It has ended. */
export type SandboxDestroyed = SandboxEvent & {
  __typename?: 'SandboxDestroyed';
  /** When. */
  at: Scalars['DateTime']['output'];
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
  /** Why it ended, for people. */
  message?: Maybe<Scalars['String']['output']>;
  /** Why it ended. */
  reason?: Maybe<TerminationReason>;
  /** The sandbox as it is now, not as it was then. */
  sandbox?: Maybe<Sandbox>;
  /** Which. */
  sandboxId: Scalars['ID']['output'];
};

/** Something that happened to a sandbox of the tenant. */
export type SandboxEvent = {
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
};

/** All that is given must hold. */
export type SandboxEventsFilter = {
  /** Only with all of these labels (as they were at the event). */
  labels?: InputMaybe<Array<LabelInput>>;
  /** Only of these providers. */
  providers?: InputMaybe<Array<Scalars['String']['input']>>;
  /** Only these. */
  sandboxIds?: InputMaybe<Array<Scalars['ID']['input']>>;
  /** Of this tenant, for roles that reach all. Default: one’s own. */
  tenant?: InputMaybe<Scalars['String']['input']>;
};

/** Events were lost: list the sandboxes again. */
export type SandboxEventsGap = SandboxEvent & {
  __typename?: 'SandboxEventsGap';
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
  /** Number of the first lost event. */
  from: Scalars['Int']['output'];
  /** Number of the last lost event. */
  to: Scalars['Int']['output'];
};

/** It ends within a minute unless it is extended. */
export type SandboxExpiring = SandboxEvent & {
  __typename?: 'SandboxExpiring';
  /** When. */
  at: Scalars['DateTime']['output'];
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
  /** Why it ended, for people. */
  message?: Maybe<Scalars['String']['output']>;
  /** Why it ended. */
  reason?: Maybe<TerminationReason>;
  /** The sandbox as it is now, not as it was then. */
  sandbox?: Maybe<Sandbox>;
  /** Which. */
  sandboxId: Scalars['ID']['output'];
};

/** It could not be made. */
export type SandboxFailed = SandboxEvent & {
  __typename?: 'SandboxFailed';
  /** When. */
  at: Scalars['DateTime']['output'];
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
  /** Why it ended, for people. */
  message?: Maybe<Scalars['String']['output']>;
  /** Why it ended. */
  reason?: Maybe<TerminationReason>;
  /** The sandbox as it is now, not as it was then. */
  sandbox?: Maybe<Sandbox>;
  /** Which. */
  sandboxId: Scalars['ID']['output'];
};

/** All that is given must hold. */
export type SandboxFilter = {
  /** With all of these labels. */
  labels?: InputMaybe<Array<LabelInput>>;
  /** Run by one of these. */
  providers?: InputMaybe<Array<Scalars['String']['input']>>;
  /** In one of these states. */
  states?: InputMaybe<Array<SandboxState>>;
  /** Part of the id, the template or a label, in any case. */
  text?: InputMaybe<Scalars['String']['input']>;
};

/** How to sort. */
export type SandboxOrder = {
  /** Which way. */
  direction: OrderDirection;
  /** By what. */
  field: SandboxOrderField;
};

/** What lists are sorted by. */
export type SandboxOrderField =
  /** When it was asked for. */
  | 'CREATED_AT'
  /** When it ends. */
  | 'EXPIRES_AT';

/** A sandbox after a change. */
export type SandboxPayload = {
  __typename?: 'SandboxPayload';
  /** An earlier call with the same idempotencyKey did this. */
  replayed: Scalars['Boolean']['output'];
  /** The sandbox as it is now. */
  sandbox: Sandbox;
};

/** A page of processes. */
export type SandboxProcessesConnection = {
  __typename?: 'SandboxProcessesConnection';
  /** The places of the page, in order. */
  edges: Array<SandboxProcessesConnectionEdge>;
  /** Where the page lies in the list. */
  pageInfo: PageInfo;
};

/** A place in the list. */
export type SandboxProcessesConnectionEdge = {
  __typename?: 'SandboxProcessesConnectionEdge';
  /** The place in the list, for `after` and `before`. */
  cursor: Scalars['String']['output'];
  /** What is there. */
  node: Process;
};

/** There was no room: it waits. */
export type SandboxQueued = SandboxEvent & {
  __typename?: 'SandboxQueued';
  /** When. */
  at: Scalars['DateTime']['output'];
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
  /** Why it ended, for people. */
  message?: Maybe<Scalars['String']['output']>;
  /** Its place when it began to wait, 1 for the next; `Sandbox.queuePosition` is that of now. */
  position?: Maybe<Scalars['Int']['output']>;
  /** Why it ended. */
  reason?: Maybe<TerminationReason>;
  /** The sandbox as it is now, not as it was then. */
  sandbox?: Maybe<Sandbox>;
  /** Which. */
  sandboxId: Scalars['ID']['output'];
};

/** It can be used. */
export type SandboxReady = SandboxEvent & {
  __typename?: 'SandboxReady';
  /** When. */
  at: Scalars['DateTime']['output'];
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
  /** Why it ended, for people. */
  message?: Maybe<Scalars['String']['output']>;
  /** Why it ended. */
  reason?: Maybe<TerminationReason>;
  /** The sandbox as it is now, not as it was then. */
  sandbox?: Maybe<Sandbox>;
  /** Which. */
  sandboxId: Scalars['ID']['output'];
};

/** Another subject of the tenant that may see a sandbox. */
export type SandboxShare = {
  __typename?: 'SandboxShare';
  /** How. */
  access: ShareAccess;
  /** When. */
  createdAt: Scalars['DateTime']['output'];
  /** Who shared it. */
  createdBy: Scalars['String']['output'];
  /** Who. */
  subject: Scalars['String']['output'];
};

/** Where a sandbox is in its life. */
export type SandboxState =
  /** The provider is making it. */
  | 'CREATING'
  /** It is being removed. */
  | 'DESTROYING'
  /** It never became ready. */
  | 'FAILED'
  /** It waits for room in a quota; `queuePosition` says how many are in front. */
  | 'QUEUED'
  /** It can be used. */
  | 'READY'
  /** It has ended; `terminationReason` says why. */
  | 'TERMINATED';

/** How secrets reach a sandbox. */
export type SecretMode =
  /** Never: requests get them on the way out. */
  | 'BROKERED'
  /** As variables that processes see. */
  | 'ENV';

/** Which quota, and how much. */
export type SetQuotaInput = {
  /** How much, 0 or more. Without it the setting is taken back. */
  limit?: InputMaybe<Scalars['Float']['input']>;
  /** Of what. */
  metric: UsageMetric;
  /** One subject of the tenant. Default: the tenant as a whole. */
  subject?: InputMaybe<Scalars['String']['input']>;
  /** For roles that reach all. Default: one’s own. */
  tenant?: InputMaybe<Scalars['String']['input']>;
  /** Per what. Default: TOTAL; of no meaning for CONCURRENT_SANDBOXES. */
  window?: InputMaybe<QuotaWindow>;
};

/** What holds now. */
export type SetQuotaPayload = {
  __typename?: 'SetQuotaPayload';
  /** All quotas of the tenant, and of the subject. */
  quotas: Array<Quota>;
};

/** What was asked for, or why not. */
export type SetQuotaResult = Failure | SetQuotaPayload;

/** What another subject may do with a shared sandbox, within its own role. */
export type ShareAccess =
  /** Look at it. */
  | 'READ'
  /** Use it as its owner. */
  | 'WRITE';

/** What to share, and with whom. */
export type ShareSandboxInput = {
  /** How. */
  access: ShareAccess;
  /** `sbx_…` */
  sandboxId: Scalars['ID']['input'];
  /** Of the same tenant. */
  subject: Scalars['String']['input'];
};

/** What was asked for, or why not. */
export type ShareSandboxResult = Failure | SandboxPayload;

/** POSIX signals. */
export type Signal =
  /** SIGALRM of POSIX. */
  | 'SIGALRM'
  /** SIGCONT of POSIX. */
  | 'SIGCONT'
  /** SIGHUP of POSIX. */
  | 'SIGHUP'
  /** SIGINT of POSIX. */
  | 'SIGINT'
  /** SIGKILL of POSIX. */
  | 'SIGKILL'
  /** SIGPIPE of POSIX. */
  | 'SIGPIPE'
  /** SIGQUIT of POSIX. */
  | 'SIGQUIT'
  /** SIGSTOP of POSIX. */
  | 'SIGSTOP'
  /** SIGTERM of POSIX. */
  | 'SIGTERM'
  /** SIGTSTP of POSIX. */
  | 'SIGTSTP'
  /** SIGUSR1 of POSIX. */
  | 'SIGUSR1'
  /** SIGUSR2 of POSIX. */
  | 'SIGUSR2'
  /** SIGWINCH of POSIX. */
  | 'SIGWINCH';

/** What to send. */
export type SignalProcessInput = {
  /** `prc_…` */
  processId: Scalars['ID']['input'];
  /** SIGKILL also reaches children that left the group. */
  signal: Signal;
};

/** What was asked for, or why not. */
export type SignalProcessResult = Failure | ProcessPayload;

/** What a signal to a process reaches. */
export type SignalReach =
  /** Its process group. */
  | 'GROUP'
  /** A command in the sandbox sends it where the process identifier is known; else UNSUPPORTED. */
  | 'NONE'
  /** The process alone. */
  | 'PROCESS'
  /** Everything the process started. */
  | 'TREE';

/** A URL that needs no token. Whoever has it may use it. */
export type SignedUrl = {
  __typename?: 'SignedUrl';
  /** Until when. */
  expiresAt: Scalars['DateTime']['output'];
  /** Where. */
  url: Scalars['String']['output'];
};

/** What a snapshot holds. */
export type SnapshotMode =
  /** Files. */
  | 'FILESYSTEM'
  /** There are no snapshots. */
  | 'NONE';

/** What to start. Give `command` for a shell, or `argv` without one. */
export type StartProcessInput = {
  /** Program and arguments. */
  argv?: InputMaybe<Array<Scalars['String']['input']>>;
  /** For bash. */
  command?: InputMaybe<Scalars['String']['input']>;
  /** Working directory. Default: the home. */
  cwd?: InputMaybe<Scalars['String']['input']>;
  /** On top of the sandbox’s. */
  env?: InputMaybe<Array<EnvironmentVariable>>;
  /** A second call with the same key within 24 h starts nothing and returns the first process. */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Where. */
  sandboxId: Scalars['ID']['input'];
  /** Milliseconds until the whole process tree is killed. Default: none. */
  timeoutMs?: InputMaybe<Scalars['Int']['input']>;
};

/** What was asked for, or why not. */
export type StartProcessResult = Failure | ProcessPayload | QuotaExceeded;

/** Live streams: what happened after `after`, then what happens, with no seam. Every event carries the cursor to resume from. */
export type Subscription = {
  __typename?: 'Subscription';
  /** Changes below a path from now on. Not recorded: after a reconnect, list the directory. Completes when the sandbox ends. */
  fileChanges: FileChange;
  /** All a process wrote, then what it writes, then its exit: nothing lost, and nothing twice for a client that resumes by cursor. */
  processOutput: OutputGap | ProcessExited | ProcessOutput;
  /** Creation, readiness, coming expiry and end of the sandboxes one may see: all that is kept, or all after a cursor, then live. */
  sandboxEvents: SandboxCreated | SandboxDestroyed | SandboxEventsGap | SandboxExpiring | SandboxFailed | SandboxQueued | SandboxReady;
  /** All a terminal showed, then what it shows, then its exit: as `processOutput`. */
  terminalOutput: OutputGap | ProcessExited | ProcessOutput;
  /** What is used, and quotas that are nearly used up: all that is kept, or all after a cursor, then live. */
  usageUpdates: QuotaThresholdReached | UsageEventsGap | UsageRecorded;
};


/** Live streams: what happened after `after`, then what happens, with no seam. Every event carries the cursor to resume from. */
export type SubscriptionFileChangesArgs = {
  path: Scalars['String']['input'];
  recursive?: InputMaybe<Scalars['Boolean']['input']>;
  sandboxId: Scalars['ID']['input'];
};


/** Live streams: what happened after `after`, then what happens, with no seam. Every event carries the cursor to resume from. */
export type SubscriptionProcessOutputArgs = {
  after?: InputMaybe<Scalars['Cursor']['input']>;
  processId: Scalars['ID']['input'];
};


/** Live streams: what happened after `after`, then what happens, with no seam. Every event carries the cursor to resume from. */
export type SubscriptionSandboxEventsArgs = {
  after?: InputMaybe<Scalars['Cursor']['input']>;
  filter?: InputMaybe<SandboxEventsFilter>;
};


/** Live streams: what happened after `after`, then what happens, with no seam. Every event carries the cursor to resume from. */
export type SubscriptionTerminalOutputArgs = {
  after?: InputMaybe<Scalars['Cursor']['input']>;
  terminalId: Scalars['ID']['input'];
};


/** Live streams: what happened after `after`, then what happens, with no seam. Every event carries the cursor to resume from. */
export type SubscriptionUsageUpdatesArgs = {
  after?: InputMaybe<Scalars['Cursor']['input']>;
  tenant?: InputMaybe<Scalars['String']['input']>;
};

/** Whether a provider has something. */
export type Support =
  /** The provider has it. */
  | 'NATIVE'
  /** The call is refused with UNSUPPORTED. */
  | 'NONE';

/** A process with a pseudo-terminal: job control, colours, full-screen programs. */
export type Terminal = Node & {
  __typename?: 'Terminal';
  /** Columns. */
  cols: Scalars['Int']['output'];
  /** What runs in it. */
  command: Scalars['String']['output'];
  /** When it was seen to have ended. */
  endedAt?: Maybe<Scalars['DateTime']['output']>;
  /** 0 to 255, when it exited. */
  exitCode?: Maybe<Scalars['Int']['output']>;
  /** Opaque, and valid everywhere in this API; it begins with its type. */
  id: Scalars['ID']['output'];
  /** Rows. */
  rows: Scalars['Int']['output'];
  /** Where it runs. */
  sandbox?: Maybe<Sandbox>;
  /** When it was started. */
  startedAt: Scalars['DateTime']['output'];
  /** Where it is in its life. */
  state: ProcessState;
};

/** A page of terminals. */
export type TerminalConnection = {
  __typename?: 'TerminalConnection';
  /** The places of the page, in order. */
  edges: Array<TerminalEdge>;
  /** Where the page lies in the list. */
  pageInfo: PageInfo;
};

/** A place in the list. */
export type TerminalEdge = {
  __typename?: 'TerminalEdge';
  /** The place in the list, for `after` and `before`. */
  cursor: Scalars['String']['output'];
  /** What is there. */
  node: Terminal;
};

/** A terminal after a change. */
export type TerminalPayload = {
  __typename?: 'TerminalPayload';
  /** An earlier call with the same idempotencyKey did this. */
  replayed: Scalars['Boolean']['output'];
  /** The terminal as it is now. */
  terminal: Terminal;
};

/** Why a sandbox ended. */
export type TerminationReason =
  /** It could not be made. */
  | 'CREATE_FAILED'
  /** Its time was over. */
  | 'EXPIRED'
  /** It was gone, or died, and nobody here did it. */
  | 'LOST'
  /** The provider ended it. */
  | 'PROVIDER'
  /** It waited too long for room. */
  | 'QUEUE_TIMEOUT'
  /** Somebody destroyed it. */
  | 'USER';

/** What to share no longer, and with whom. */
export type UnshareSandboxInput = {
  /** `sbx_…` */
  sandboxId: Scalars['ID']['input'];
  /** Who. */
  subject: Scalars['String']['input'];
};

/** What was asked for, or why not. */
export type UnshareSandboxResult = Failure | SandboxPayload;

/** What to change. */
export type UpdateSandboxInput = {
  /** All labels it shall have; others go. */
  labels: Array<LabelInput>;
  /** `sbx_…` */
  sandboxId: Scalars['ID']['input'];
};

/** What was asked for, or why not. */
export type UpdateSandboxResult = Failure | SandboxPayload;

/** How much of something was used. */
export type Usage = {
  __typename?: 'Usage';
  /** How much. */
  amount: Scalars['Float']['output'];
  /** Beginning of the hour or day, when grouped by one. */
  from?: Maybe<Scalars['DateTime']['output']>;
  /** Of what. */
  metric: UsageMetric;
  /** In which sandbox, when grouped by SANDBOX_ID. */
  sandboxId?: Maybe<Scalars['ID']['output']>;
  /** By whom, when grouped by SUBJECT. */
  subject?: Maybe<Scalars['String']['output']>;
};

/** Something that was used, or a quota that is nearly used up. */
export type UsageEvent = {
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
};

/** Events were lost: ask for `usage` again. */
export type UsageEventsGap = UsageEvent & {
  __typename?: 'UsageEventsGap';
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
  /** Number of the first lost event. */
  from: Scalars['Int']['output'];
  /** Number of the last lost event. */
  to: Scalars['Int']['output'];
};

/** What usage is summed by, besides what is counted. */
export type UsageGroup =
  /** Day, in UTC. */
  | 'DAY'
  /** Hour, in UTC. */
  | 'HOUR'
  /** Nothing else. */
  | 'METRIC'
  /** Which sandbox. */
  | 'SANDBOX_ID'
  /** Who used it. */
  | 'SUBJECT';

/** What is counted. */
export type UsageMetric =
  /** What agents cost, in US dollars. */
  | 'AGENT_COST_USD'
  /** Tokens that agents used. */
  | 'AGENT_TOKENS'
  /** Sandboxes alive at once, from their first moment to their end. */
  | 'CONCURRENT_SANDBOXES'
  /** CPU seconds of sandboxes, user and system. */
  | 'CPU_SECONDS'
  /** Bytes sent to and received from outside, where the provider knows. */
  | 'EGRESS_BYTES'
  /** Processes and terminals started. */
  | 'EXECUTIONS'
  /** Memory in use, in MiB, times seconds. */
  | 'MEMORY_MB_SECONDS'
  /** Seconds that sandboxes were ready. */
  | 'SANDBOX_SECONDS'
  /** Disk in use, in MiB, times seconds. */
  | 'STORAGE_MB_SECONDS';

/** Usage that was booked: one event for each execution, and for each metric of each slice of a sandbox’s life. */
export type UsageRecorded = UsageEvent & {
  __typename?: 'UsageRecorded';
  /** How much. */
  amount: Scalars['Float']['output'];
  /** When. */
  at: Scalars['DateTime']['output'];
  /** Resume after this event with it. */
  cursor: Scalars['Cursor']['output'];
  /** Of what. */
  metric: UsageMetric;
  /** In which sandbox. */
  sandboxId: Scalars['ID']['output'];
  /** By whom. */
  subject: Scalars['String']['output'];
};

/** Who the token says you are, and what you may do. */
export type Viewer = {
  __typename?: 'Viewer';
  /** Most that the role may ask for. */
  ceilings: Ceilings;
  /** When the token ends, and with it its streams. */
  expiresAt: Scalars['DateTime']['output'];
  /** What the role allows, as the token narrows it. */
  permissions: Array<Permission>;
  /** What quotas and rate limits there are. */
  plan: Scalars['String']['output'];
  /** The only providers the role allows; null: all. */
  providers?: Maybe<Array<Scalars['String']['output']>>;
  /** All quotas that bound you, with what was used of them. */
  quota: Array<Quota>;
  /** How many points you have left. */
  rateLimits: Array<RateLimit>;
  /** How far it sees. */
  reach: Reach;
  /** viewer, developer, operator, admin, platform, or one of the server’s own. */
  role: Scalars['String']['output'];
  /** The only sandboxes the token may touch; null: all that the role reaches. */
  sandboxIds?: Maybe<Array<Scalars['ID']['output']>>;
  /** Who. */
  subject: Scalars['String']['output'];
  /** For whom; everything is scoped to it. */
  tenant: Scalars['String']['output'];
};

/** What to wait for. */
export type WaitProcessInput = {
  /** `prc_…` */
  processId: Scalars['ID']['input'];
  /** Most milliseconds to wait, 0 to 300,000. Default 30,000. */
  timeoutMs?: InputMaybe<Scalars['Int']['input']>;
};

/** What was asked for, or why not. */
export type WaitProcessResult = Failure | ProcessPayload;

/** What to write. */
export type WriteFileInput = {
  /** What. */
  file: FileInput;
  /** Where. */
  sandboxId: Scalars['ID']['input'];
};

/** What was asked for, or why not. */
export type WriteFileResult = Failure | FilePayload;

/** What to write. */
export type WriteFilesInput = {
  /** 1 to 100. One that is refused does not stop the others. */
  files: Array<FileInput>;
  /** Where. */
  sandboxId: Scalars['ID']['input'];
};

/** How the writes went. */
export type WriteFilesPayload = {
  __typename?: 'WriteFilesPayload';
  /** In the order of the input. */
  outcomes: Array<WriteOutcome>;
};

/** What was asked for, or why not. */
export type WriteFilesResult = Failure | WriteFilesPayload;

/** How to write. */
export type WriteMode =
  /** At the end. */
  | 'APPEND'
  /** Only if nothing is there. */
  | 'CREATE'
  /** All at once: readers see the old content or the new. */
  | 'REPLACE';

/** How one of several writes went. */
export type WriteOutcome = {
  __typename?: 'WriteOutcome';
  /** Why it was refused, for programs. */
  errorCode?: Maybe<ErrorCode>;
  /** Why it was refused, for people. */
  errorMessage?: Maybe<Scalars['String']['output']>;
  /** As it is now; null when it was refused. */
  file?: Maybe<File>;
  /** As it was given. */
  path: Scalars['String']['output'];
};

/** What to write: `text` or `data`. */
export type WriteStdinInput = {
  /** As they are. */
  data?: InputMaybe<Scalars['Base64']['input']>;
  /** `prc_…` */
  processId: Scalars['ID']['input'];
  /** As UTF-8. */
  text?: InputMaybe<Scalars['String']['input']>;
};

/** What was asked for, or why not. */
export type WriteStdinResult = Failure | ProcessPayload;

/** What to type: `text` or `data`. */
export type WriteTerminalInput = {
  /** As they are. */
  data?: InputMaybe<Scalars['Base64']['input']>;
  /** `trm_…` */
  terminalId: Scalars['ID']['input'];
  /** As UTF-8; Enter is \r, Ctrl-C is \u0003. */
  text?: InputMaybe<Scalars['String']['input']>;
};

/** What was asked for, or why not. */
export type WriteTerminalResult = Failure | TerminalPayload;
