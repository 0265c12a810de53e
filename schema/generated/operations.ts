/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** What to make. Everything has a default. */
export type CreateSandboxInput = {
  /** Cores. */
  cpus?: number | null | undefined;
  /** Disk. */
  diskBytes?: number | null | undefined;
  /** Variables for all its processes. */
  env?: Array<EnvironmentVariable> | null | undefined;
  /** A second call with the same key within 24 h makes nothing and returns the first sandbox. */
  idempotencyKey?: string | null | undefined;
  /** Labels. */
  labels?: Array<LabelInput> | null | undefined;
  /** Memory. */
  memoryBytes?: number | null | undefined;
  /** Hosts for ALLOW_LIST, such as registry.npmjs.org or *.example.com, with :port for others than 80 and 443. */
  networkAllow?: Array<string> | null | undefined;
  /** What it may reach. Default: NONE. */
  networkMode?: NetworkMode | null | undefined;
  /** Processes at once. */
  processes?: number | null | undefined;
  /** Who shall run it. Default: whoever can. */
  provider?: string | null | undefined;
  /** What to make it from. Default: `default`. */
  template?: string | null | undefined;
  /** How long it lives unless it is extended. */
  timeoutSeconds?: number | null | undefined;
  /** Without room in a quota: wait for it, as QUEUED, instead of being refused. `sandboxEvents` tells when it is ready. */
  wait?: boolean | null | undefined;
};

/** A variable of a process’s environment. */
export type EnvironmentVariable = {
  /** Letters, digits and _. */
  name: string;
  /** Any text without NUL. Never shown again. */
  value: string;
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
  argv?: Array<string> | null | undefined;
  /** For bash. */
  command?: string | null | undefined;
  /** Working directory. Default: the home. */
  cwd?: string | null | undefined;
  /** On top of the sandbox’s. */
  env?: Array<EnvironmentVariable> | null | undefined;
  /** Most bytes of each stream to return; at most, and by default, what the server allows. */
  outputBytes?: number | null | undefined;
  /** Where. */
  sandboxId: string | number;
  /** Written to its standard input, which is closed then. */
  stdin?: string | null | undefined;
  /** Milliseconds until the whole process tree is killed. Default: none. */
  timeoutMs?: number | null | undefined;
};

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

/** A label. */
export type LabelInput = {
  /** 1 to 63 of A-Z a-z 0-9 . _ / - */
  key: string;
  /** At most 255 characters. */
  value: string;
};

/** How a limit is held. */
export type LimitMode =
  /** It can be exceeded for a while, or evaded. */
  | 'ADVISORY'
  /** Nothing in the sandbox gets past it. */
  | 'ENFORCED'
  /** It is not held: a sandbox that asks for this limit is placed elsewhere. */
  | 'NONE';

/** What a sandbox may reach. Never the host itself or private addresses. */
export type NetworkMode =
  /** The hosts listed, over HTTP and HTTPS. */
  | 'ALLOW_LIST'
  /** Every public host, over HTTP and HTTPS. */
  | 'FULL'
  /** Nothing outside. */
  | 'NONE';

/** Where a process wrote. */
export type OutputStream =
  /** A terminal, where both are one. */
  | 'PTY'
  /** Standard error. */
  | 'STDERR'
  /** Standard output. */
  | 'STDOUT';

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

/** Whether a provider can take sandboxes now. */
export type ProviderHealth =
  /** It works, but something is wrong; `healthReason` says what. */
  | 'DEGRADED'
  /** It works. */
  | 'HEALTHY'
  /** It takes no new sandboxes; `healthReason` says why. */
  | 'UNAVAILABLE';

/** What a server that restarts gets of a process that runs. */
export type ReattachMode =
  /** New output only; a gap tells of the rest. */
  | 'LIVE'
  /** Nothing: the process counts as lost. */
  | 'NONE'
  /** Everything that was not recorded yet. */
  | 'REPLAY';

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

/** What to start. Give `command` for a shell, or `argv` without one. */
export type StartProcessInput = {
  /** Program and arguments. */
  argv?: Array<string> | null | undefined;
  /** For bash. */
  command?: string | null | undefined;
  /** Working directory. Default: the home. */
  cwd?: string | null | undefined;
  /** On top of the sandbox’s. */
  env?: Array<EnvironmentVariable> | null | undefined;
  /** A second call with the same key within 24 h starts nothing and returns the first process. */
  idempotencyKey?: string | null | undefined;
  /** Where. */
  sandboxId: string | number;
  /** Milliseconds until the whole process tree is killed. Default: none. */
  timeoutMs?: number | null | undefined;
};

/** Whether a provider has something. */
export type Support =
  /** The provider has it. */
  | 'NATIVE'
  /** The call is refused with UNSUPPORTED. */
  | 'NONE';

export type LookAroundQueryVariables = Exact<{ [key: string]: never; }>;


export type LookAroundQuery = { viewer: { subject: string, tenant: string, role: string, expiresAt: string }, providers: Array<{ name: string, health: ProviderHealth, healthReason: string | null, capabilities: { reattach: ReattachMode, pty: Support, networkModes: Array<NetworkMode>, limits: { cpu: LimitMode, memory: LimitMode } } }>, sandboxes: { totalCount: number, edges: Array<{ node: { id: string, state: SandboxState, expiresAt: string, labels: Array<{ key: string, value: string }> } }> } };

export type CreateSandboxMutationVariables = Exact<{
  input?: CreateSandboxInput;
}>;


export type CreateSandboxMutation = { createSandbox:
    | { __typename: 'Failure', code: ErrorCode, message: string }
    | { __typename: 'QuotaExceeded', code: ErrorCode, message: string }
    | { __typename: 'SandboxPayload', replayed: boolean, sandbox: { id: string, state: SandboxState, expiresAt: string, provider: { name: string } | null, resources: { memoryLimitBytes: number, enforcement: { memory: string } } | null } }
   };

export type ExecMutationVariables = Exact<{
  input: ExecInput;
}>;


export type ExecMutation = { exec:
    | { __typename: 'ExecPayload', exitCode: number | null, stdout: string, stderr: string, durationMs: number, process: { id: string, state: ProcessState } }
    | { __typename: 'Failure', code: ErrorCode, message: string }
    | { __typename: 'QuotaExceeded', code: ErrorCode, message: string }
   };

export type StartProcessMutationVariables = Exact<{
  input: StartProcessInput;
}>;


export type StartProcessMutation = { startProcess:
    | { __typename: 'Failure', code: ErrorCode, message: string }
    | { __typename: 'ProcessPayload', process: { id: string, state: ProcessState, pid: number | null } }
    | { __typename: 'QuotaExceeded', code: ErrorCode, message: string }
   };

export type ProcessOutputSubscriptionVariables = Exact<{
  processId: string | number;
  after?: string | null | undefined;
}>;


export type ProcessOutputSubscription = { processOutput:
    | { __typename: 'OutputGap', from: number, to: number, reason: string, cursor: string }
    | { __typename: 'ProcessExited', kind: ExitKind, exitCode: number | null, signal: string | null, cursor: string }
    | { __typename: 'ProcessOutput', stream: OutputStream, text: string, cursor: string }
   };


export const LookAroundDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"LookAround"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"viewer"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"subject"}},{"kind":"Field","name":{"kind":"Name","value":"tenant"}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}}]}},{"kind":"Field","name":{"kind":"Name","value":"providers"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"health"}},{"kind":"Field","name":{"kind":"Name","value":"healthReason"}},{"kind":"Field","name":{"kind":"Name","value":"capabilities"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"reattach"}},{"kind":"Field","name":{"kind":"Name","value":"pty"}},{"kind":"Field","name":{"kind":"Name","value":"networkModes"}},{"kind":"Field","name":{"kind":"Name","value":"limits"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cpu"}},{"kind":"Field","name":{"kind":"Name","value":"memory"}}]}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"sandboxes"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"10"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"totalCount"}},{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"labels"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}}]}}]}}]}}]}}]} as unknown as DocumentNode<LookAroundQuery, LookAroundQueryVariables>;
export const CreateSandboxDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateSandbox"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateSandboxInput"}}},"defaultValue":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"labels"},"value":{"kind":"ListValue","values":[{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"key"},"value":{"kind":"StringValue","value":"made-by","block":false}},{"kind":"ObjectField","name":{"kind":"Name","value":"value"},"value":{"kind":"StringValue","value":"hand","block":false}}]}]}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createSandbox"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"SandboxPayload"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"replayed"}},{"kind":"Field","name":{"kind":"Name","value":"sandbox"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"provider"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}},{"kind":"Field","name":{"kind":"Name","value":"resources"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"memoryLimitBytes"}},{"kind":"Field","name":{"kind":"Name","value":"enforcement"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"memory"}}]}}]}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<CreateSandboxMutation, CreateSandboxMutationVariables>;
export const ExecDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"Exec"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ExecInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"exec"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ExecPayload"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"exitCode"}},{"kind":"Field","name":{"kind":"Name","value":"stdout"}},{"kind":"Field","name":{"kind":"Name","value":"stderr"}},{"kind":"Field","name":{"kind":"Name","value":"durationMs"}},{"kind":"Field","name":{"kind":"Name","value":"process"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"state"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<ExecMutation, ExecMutationVariables>;
export const StartProcessDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"StartProcess"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"StartProcessInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"startProcess"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ProcessPayload"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"process"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"pid"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Error"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]} as unknown as DocumentNode<StartProcessMutation, StartProcessMutationVariables>;
export const ProcessOutputDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"ProcessOutput"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"processId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"Cursor"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"processOutput"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"processId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"processId"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ProcessOutput"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"stream"}},{"kind":"Field","name":{"kind":"Name","value":"text"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ProcessExited"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"exitCode"}},{"kind":"Field","name":{"kind":"Name","value":"signal"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"OutputGap"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"from"}},{"kind":"Field","name":{"kind":"Name","value":"to"}},{"kind":"Field","name":{"kind":"Name","value":"reason"}}]}}]}}]}}]} as unknown as DocumentNode<ProcessOutputSubscription, ProcessOutputSubscriptionVariables>;