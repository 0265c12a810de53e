import { builder } from '../graphql/builder.ts';
import { described, upper } from '../graphql/enums.ts';
import { connection } from '../graphql/pagination.ts';
import { SandboxRef } from '../sandboxes/schema.ts';
import type { Process, ProcessState } from '../store/types/process.ts';
import { codeRuntimes, packageManagers } from './commands.ts';
import { OutputPage } from './output-schema.ts';

export const ProcessStateEnum = builder.enumType('ProcessState', {
  description: 'Where a process is in its life. How it ended is only ever said when it was seen.',
  values: described<ProcessState>({
    STARTING: 'It has been asked for.',
    RUNNING: 'It runs.',
    EXITED: 'It ended by itself, with an exit code.',
    SIGNALED: 'A signal ended it.',
    TIMED_OUT: 'It was killed because its time was over.',
    LOST: 'It is gone, and nobody saw how it ended.',
  }),
});

export const ProcessRef = builder.loadableNodeRef('Process', {
  id: { resolve: (row: Process) => row.id },
  load: async (ids: string[], { processes, principal }) =>
    (principal ? await processes.getMany(principal, ids) : ids.map(() => null)) as Process[],
});

builder.objectType(ProcessRef, {
  description: 'A command that runs or ran in a sandbox, and all it said.',
  fields: (t) => ({
    sandbox: t.field({
      description: 'Where it runs.',
      type: SandboxRef,
      nullable: true,
      resolve: (row) => row.sandboxId,
    }),
    command: t.exposeString('command', { description: 'The command as it was given.' }),
    argv: t.exposeStringList('argv', { description: 'The words that were run.' }),
    cwd: t.exposeString('cwd', {
      description: 'Its working directory; null: the home.',
      nullable: true,
    }),
    purpose: t.exposeString('purpose', { description: 'exec, start, code or packages.' }),
    state: t.field({
      description: 'Where it is in its life.',
      type: ProcessStateEnum,
      resolve: (row) => row.state,
    }),
    pid: t.exposeInt('pid', { description: 'Its number inside the sandbox.', nullable: true }),
    exitCode: t.exposeInt('exitCode', { description: '0 to 255, when it exited.', nullable: true }),
    signal: t.exposeString('signal', {
      description: 'What ended it, such as SIGKILL.',
      nullable: true,
    }),
    startedAt: t.field({
      description: 'When it was started.',
      type: 'DateTime',
      resolve: (row) => row.startedAt,
    }),
    endedAt: t.field({
      description: 'When it was seen to have ended.',
      type: 'DateTime',
      nullable: true,
      resolve: (row) => row.endedAt,
    }),
    durationMs: t.field({
      description: 'Milliseconds from start to end.',
      type: 'Int',
      nullable: true,
      resolve: ({ endedAt, startedAt }) => (endedAt === null ? null : endedAt - startedAt),
    }),
    timeoutMs: t.exposeInt('timeoutMs', {
      description: 'Milliseconds after which it is killed.',
      nullable: true,
    }),
    cpuSeconds: t.exposeFloat('cpuSeconds', {
      description: 'CPU seconds it and its children used, in steps of 0.01.',
      nullable: true,
    }),
    maxMemoryBytes: t.field({
      description: 'Most memory it used; sampled every 250 ms.',
      type: 'Byte',
      nullable: true,
      resolve: (row) => row.maxMemoryBytes,
    }),
    output: t.withAuth({ authenticated: true }).field({
      description: 'What `processOutput` delivers, page by page with the same cursors.',
      type: OutputPage,
      args: {
        after: t.arg({ type: 'Cursor', description: 'Only what came after this event.' }),
        maxBytes: t.arg.int({
          description: 'About how many bytes, 1 to 1,048,576. Default 262,144.',
        }),
      },
      complexity: 20,
      resolve: (row, { after, maxBytes }, { processes, principal }) =>
        processes.readOutput(
          principal,
          row.id,
          after ?? null,
          Math.min(Math.max(maxBytes ?? 262_144, 1), 1_048_576),
        ),
    }),
  }),
});

const StateFilter = { description: 'Only in these states.' };

builder.objectField(SandboxRef, 'processes', (t) =>
  t.connection(
    {
      description: 'Its processes, newest first.',
      type: ProcessRef,
      args: { states: t.arg({ type: [ProcessStateEnum], ...StateFilter }) },
      complexity: ({ first, last }) => ({ field: 2, multiplier: first ?? last ?? 1 }),
      resolve: (sandbox, { states, ...page }, { processes, principal }) =>
        connection<Process>(page, {
          newestFirst: true,
          key: (row) => ({ key: row.startedAt, id: row.id }),
          fetch: async (range) =>
            principal
              ? processes.page(
                  principal,
                  sandbox.id,
                  { terminals: false, ...(states ? { states } : {}) },
                  range,
                )
              : [],
        }),
    },
    { description: 'A page of processes.' },
    { description: 'A place in the list.' },
  ),
);

builder.queryField('process', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'One process; null when there is none with this id in the tenant.',
    type: ProcessRef,
    nullable: true,
    args: { id: t.arg.id({ required: true, description: '`prc_…`' }) },
    resolve: async (_, { id }, { processes, principal }) =>
      id.startsWith('prc_') ? ((await processes.getMany(principal, [id]))[0] ?? null) : null,
  }),
);

export const CodeRuntimeEnum = builder.enumType('CodeRuntime', {
  description: 'What code can be run with.',
  values: upper({ python: 'python3', node: 'node', bash: 'bash' }),
});
export const PackageManagerEnum = builder.enumType('PackageManager', {
  description: 'What packages can be installed with.',
  values: upper({ npm: 'npm install', pip: 'pip install --user' }),
});

const RuntimeRef = builder.objectRef<keyof typeof codeRuntimes>('Runtime').implement({
  description:
    'A language that `runCode` knows. Whether its program is there depends on the sandbox’s template; without it, the exit code is 127.',
  fields: (t) => ({
    name: t.field({
      description: 'As in `runCode`.',
      type: CodeRuntimeEnum,
      resolve: (name) => name,
    }),
    program: t.string({
      description: 'What runs it.',
      resolve: (name) => codeRuntimes[name].program,
    }),
    description: t.string({
      description: 'For people.',
      resolve: (name) => codeRuntimes[name].description,
    }),
  }),
});

builder.queryField('runtimes', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Languages that `runCode` knows.',
    type: [RuntimeRef],
    resolve: () => Object.keys(codeRuntimes) as (keyof typeof codeRuntimes)[],
  }),
);

builder.queryField('packageManagers', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'What `installPackages` knows.',
    type: [PackageManagerEnum],
    resolve: () => Object.keys(packageManagers) as (keyof typeof packageManagers)[],
  }),
);
