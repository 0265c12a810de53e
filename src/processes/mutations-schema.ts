import { z } from 'zod';
import { QuotaError } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import { contentOf } from '../graphql/content.ts';
import { defined } from '../lib/defined.ts';
import { EnvInput, toEnv } from '../sandboxes/environment-schema.ts';
import type { Process } from '../store/types/process.ts';
import { PackageManagerEnum, ProcessRef } from './schema.ts';

const SIGNALS = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGKILL',
  'SIGUSR1',
  'SIGUSR2',
  'SIGTERM',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGWINCH',
  'SIGALRM',
  'SIGPIPE',
] as const;
const SignalEnum = builder.enumType('Signal', {
  description: 'POSIX signals.',
  values: Object.fromEntries(
    SIGNALS.map((name) => [name, { value: name, description: `${name} of POSIX.` }]),
  ) as Record<(typeof SIGNALS)[number], { value: (typeof SIGNALS)[number]; description: string }>,
});

const ProcessPayload = builder
  .objectRef<{ row: Process; replayed: boolean }>('ProcessPayload')
  .implement({
    description: 'A process after a change.',
    fields: (t) => ({
      process: t.field({
        description: 'The process as it is now.',
        type: ProcessRef,
        resolve: ({ row }) => row,
      }),
      replayed: t.exposeBoolean('replayed', {
        description: 'An earlier call with the same idempotencyKey did this.',
      }),
    }),
  });
const payload = (row: Process) => ({ row, replayed: false });

const StartInput = builder.inputType('StartProcessInput', {
  description: 'What to start. Give `command` for a shell, or `argv` without one.',
  fields: (t) => ({
    sandboxId: t.id({ required: true, description: 'Where.' }),
    command: t.string({ description: 'For bash.' }),
    argv: t.stringList({ description: 'Program and arguments.' }),
    cwd: t.string({ description: 'Working directory. Default: the home.' }),
    env: t.field({ type: [EnvInput], description: 'On top of the sandbox’s.' }),
    timeoutMs: t.int({
      description: 'Milliseconds until the whole process tree is killed. Default: none.',
    }),
    idempotencyKey: t.string({
      description:
        'A second call with the same key within 24 h starts nothing and returns the first process.',
    }),
  }),
});

builder.mutationField('startProcess', (t) =>
  t.withAuth({ authenticated: true }).field({
    description:
      'Starts a process and returns at once. Subscribe to `processOutput` whenever you like: nothing is missed.',
    type: ProcessPayload,
    errors: { types: [QuotaError] },
    args: { input: t.arg({ type: StartInput, required: true, description: 'What to start.' }) },
    resolve: (_, { input: { env, sandboxId, ...input } }, { processes, principal }) =>
      processes.start(principal, {
        ...defined(input),
        sandboxId,
        purpose: 'start',
        ...(env ? { env: toEnv(env) } : {}),
      }),
  }),
);

const InstallInput = builder.inputType('InstallPackagesInput', {
  description: 'What to install.',
  fields: (t) => ({
    sandboxId: t.id({
      required: true,
      description: 'Where. Its network policy must let it reach the registry.',
    }),
    manager: t.field({ type: PackageManagerEnum, required: true, description: 'With what.' }),
    packages: t.stringList({
      required: true,
      description: '1 to 200 names, each with an optional version.',
    }),
    cwd: t.string({ description: 'Working directory. Default: the home.' }),
  }),
});

builder.mutationField('installPackages', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Installs packages as one process, whose output can be followed.',
    type: ProcessPayload,
    errors: { types: [QuotaError] },
    args: { input: t.arg({ type: InstallInput, required: true, description: 'What to install.' }) },
    resolve: async (
      _,
      { input: { sandboxId, manager, packages, cwd } },
      { processes, principal },
    ) =>
      payload(
        await processes.installPackages(principal, {
          sandboxId,
          manager,
          packages,
          ...(cwd ? { cwd } : {}),
        }),
      ),
  }),
);

const WriteInput = builder.inputType('WriteStdinInput', {
  description: 'What to write: `text` or `data`.',
  fields: (t) => ({
    processId: t.id({ required: true, description: '`prc_…`' }),
    text: t.string({ description: 'As UTF-8.' }),
    data: t.field({ type: 'Base64', description: 'As they are.' }),
  }),
});

builder.mutationField('writeStdin', (t) =>
  t.withAuth({ authenticated: true }).field({
    description:
      'Writes to standard input. CONFLICT when it is closed, TERMINATED when the process has ended.',
    type: ProcessPayload,
    errors: {},
    args: { input: t.arg({ type: WriteInput, required: true, description: 'What to write.' }) },
    resolve: async (_, { input }, { processes, principal }) =>
      payload(await processes.write(principal, input.processId, contentOf(input))),
  }),
);

const CloseInput = builder.inputType('CloseStdinInput', {
  description: 'Whose.',
  fields: (t) => ({ processId: t.id({ required: true, description: '`prc_…`' }) }),
});

builder.mutationField('closeStdin', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Ends standard input.',
    type: ProcessPayload,
    errors: {},
    args: { input: t.arg({ type: CloseInput, required: true, description: 'Whose.' }) },
    resolve: async (_, { input }, { processes, principal }) =>
      payload(await processes.closeStdin(principal, input.processId)),
  }),
);

const SignalInput = builder.inputType('SignalProcessInput', {
  description: 'What to send.',
  fields: (t) => ({
    processId: t.id({ required: true, description: '`prc_…`' }),
    signal: t.field({
      type: SignalEnum,
      required: true,
      description: 'SIGKILL also reaches children that left the group.',
    }),
  }),
});

builder.mutationField('signalProcess', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Signals the whole process group.',
    type: ProcessPayload,
    errors: {},
    args: { input: t.arg({ type: SignalInput, required: true, description: 'What to send.' }) },
    resolve: async (_, { input }, { processes, principal }) =>
      payload(await processes.signal(principal, input.processId, input.signal)),
  }),
);

const WaitInput = builder.inputType('WaitProcessInput', {
  description: 'What to wait for.',
  fields: (t) => ({
    processId: t.id({ required: true, description: '`prc_…`' }),
    timeoutMs: t.int({
      description: 'Most milliseconds to wait, 0 to 300,000. Default 30,000.',
      validate: z.number().min(0).max(300_000),
    }),
  }),
});

builder.mutationField('waitProcess', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Waits for the end, at most so long, and returns the process as it is then.',
    type: ProcessPayload,
    errors: {},
    args: { input: t.arg({ type: WaitInput, required: true, description: 'What to wait for.' }) },
    resolve: async (_, { input }, { processes, principal, signal }) =>
      payload(await processes.wait(principal, input.processId, input.timeoutMs ?? 30_000, signal)),
  }),
);
