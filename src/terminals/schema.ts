import { z } from 'zod';
import { QuotaError } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import { contentOf } from '../graphql/content.ts';
import { connection } from '../graphql/pagination.ts';
import { defined } from '../lib/defined.ts';
import { ProcessStateEnum } from '../processes/schema.ts';
import { EnvInput, toEnv } from '../sandboxes/environment-schema.ts';
import { SandboxRef } from '../sandboxes/schema.ts';
import type { Process } from '../store/types/process.ts';

const TerminalRef = builder.loadableNodeRef('Terminal', {
  id: { resolve: (row: Process) => row.id },
  load: async (ids: string[], { processes, principal }) =>
    (principal ? await processes.getMany(principal, ids) : ids.map(() => null)) as Process[],
});

builder.objectType(TerminalRef, {
  description: 'A process with a pseudo-terminal: job control, colours, full-screen programs.',
  fields: (t) => ({
    sandbox: t.field({
      description: 'Where it runs.',
      type: SandboxRef,
      nullable: true,
      resolve: (row) => row.sandboxId,
    }),
    command: t.exposeString('command', { description: 'What runs in it.' }),
    state: t.field({
      description: 'Where it is in its life.',
      type: ProcessStateEnum,
      resolve: (row) => row.state,
    }),
    cols: t.int({ description: 'Columns.', resolve: (row) => row.cols ?? 0 }),
    rows: t.int({ description: 'Rows.', resolve: (row) => row.rows ?? 0 }),
    exitCode: t.exposeInt('exitCode', { description: '0 to 255, when it exited.', nullable: true }),
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
  }),
});

const newest = { newestFirst: true, key: (row: Process) => ({ key: row.startedAt, id: row.id }) };

builder.objectField(SandboxRef, 'terminals', (t) =>
  t.connection(
    {
      description: 'Its terminals, newest first.',
      type: TerminalRef,
      complexity: ({ first, last }) => ({ field: 2, multiplier: first ?? last ?? 1 }),
      resolve: (sandbox, page, { processes, principal }) =>
        connection<Process>(page, {
          ...newest,
          fetch: async (range) =>
            principal ? processes.page(principal, sandbox.id, { terminals: true }, range) : [],
        }),
    },
    { name: 'TerminalConnection', description: 'A page of terminals.' },
    { name: 'TerminalEdge', description: 'A place in the list.' },
  ),
);

builder.queryField('terminal', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'One terminal; null when there is none with this id in the tenant.',
    type: TerminalRef,
    nullable: true,
    args: { id: t.arg.id({ required: true, description: '`trm_…`' }) },
    resolve: async (_, { id }, { processes, principal }) =>
      id.startsWith('trm_') ? ((await processes.getMany(principal, [id]))[0] ?? null) : null,
  }),
);

builder.queryField('terminals', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'The newest 100 terminals of a sandbox; `Sandbox.terminals` pages through all.',
    type: [TerminalRef],
    args: { sandboxId: t.arg.id({ required: true, description: 'Whose.' }) },
    resolve: async (_, { sandboxId }, { processes, principal }) =>
      processes.page(principal, sandboxId, { terminals: true }, { limit: 100, descending: true }),
  }),
);

const TerminalPayload = builder
  .objectRef<{ row: Process; replayed: boolean }>('TerminalPayload')
  .implement({
    description: 'A terminal after a change.',
    fields: (t) => ({
      terminal: t.field({
        description: 'The terminal as it is now.',
        type: TerminalRef,
        resolve: ({ row }) => row,
      }),
      replayed: t.exposeBoolean('replayed', {
        description: 'An earlier call with the same idempotencyKey did this.',
      }),
    }),
  });
const payload = (row: Process) => ({ row, replayed: false });

const columns = { description: 'Columns, 1 to 1,000.', validate: z.number().min(1).max(1_000) };
const lines = { description: 'Rows, 1 to 1,000.', validate: z.number().min(1).max(1_000) };

const CreateInput = builder.inputType('CreateTerminalInput', {
  description: 'What to open.',
  fields: (t) => ({
    sandboxId: t.id({ required: true, description: 'Where.' }),
    cols: t.int({ ...columns, description: 'Columns, 1 to 1,000. Default 80.' }),
    rows: t.int({ ...lines, description: 'Rows, 1 to 1,000. Default 24.' }),
    argv: t.stringList({ description: 'Program and arguments. Default: a login bash.' }),
    cwd: t.string({ description: 'Working directory. Default: the home.' }),
    env: t.field({ type: [EnvInput], description: 'On top of the sandbox’s.' }),
    idempotencyKey: t.string({
      description:
        'A second call with the same key within 24 h opens nothing and returns the first terminal.',
    }),
  }),
});

builder.mutationField('createTerminal', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Opens a terminal.',
    type: TerminalPayload,
    errors: { types: [QuotaError] },
    args: { input: t.arg({ type: CreateInput, required: true, description: 'What to open.' }) },
    resolve: (
      _,
      { input: { sandboxId, env, cols, rows, argv, ...input } },
      { processes, principal },
    ) =>
      processes.start(principal, {
        ...defined(input),
        sandboxId,
        purpose: 'terminal',
        argv: argv ?? ['/bin/bash', '-l'],
        pty: { cols: cols ?? 80, rows: rows ?? 24 },
        ...(env ? { env: toEnv(env) } : {}),
      }),
  }),
);

const WriteInput = builder.inputType('WriteTerminalInput', {
  description: 'What to type: `text` or `data`.',
  fields: (t) => ({
    terminalId: t.id({ required: true, description: '`trm_…`' }),
    text: t.string({ description: 'As UTF-8; Enter is \\r, Ctrl-C is \\u0003.' }),
    data: t.field({ type: 'Base64', description: 'As they are.' }),
  }),
});

builder.mutationField('writeTerminal', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Types into a terminal.',
    type: TerminalPayload,
    errors: {},
    args: { input: t.arg({ type: WriteInput, required: true, description: 'What to type.' }) },
    resolve: async (_, { input }, { processes, principal }) =>
      payload(await processes.write(principal, input.terminalId, contentOf(input))),
  }),
);

const ResizeInput = builder.inputType('ResizeTerminalInput', {
  description: 'The new size.',
  fields: (t) => ({
    terminalId: t.id({ required: true, description: '`trm_…`' }),
    cols: t.int({ required: true, ...columns }),
    rows: t.int({ required: true, ...lines }),
  }),
});

builder.mutationField('resizeTerminal', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Changes the size; the programs in it get SIGWINCH.',
    type: TerminalPayload,
    errors: {},
    args: { input: t.arg({ type: ResizeInput, required: true, description: 'The new size.' }) },
    resolve: async (_, { input }, { processes, principal }) =>
      payload(await processes.resize(principal, input.terminalId, input)),
  }),
);

const DestroyInput = builder.inputType('DestroyTerminalInput', {
  description: 'Which.',
  fields: (t) => ({ terminalId: t.id({ required: true, description: '`trm_…`' }) }),
});

builder.mutationField('destroyTerminal', (t) =>
  t.withAuth({ authenticated: true }).field({
    description:
      'Hangs up, and kills what does not listen within half a second. Again: the same answer.',
    type: TerminalPayload,
    errors: {},
    args: { input: t.arg({ type: DestroyInput, required: true, description: 'Which.' }) },
    resolve: async (_, { input }, { processes, principal }) =>
      payload(await processes.hangUp(principal, input.terminalId)),
  }),
);
