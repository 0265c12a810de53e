import { z } from 'zod';
import { QuotaError } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import { defined } from '../lib/defined.ts';
import { EnvInput, toEnv } from '../sandboxes/environment-schema.ts';
import type { ExecResult } from './operations.ts';
import { CodeRuntimeEnum, ProcessRef } from './schema.ts';

const ExecPayload = builder.objectRef<ExecResult>('ExecPayload').implement({
  description: 'What a command said and how it ended.',
  fields: (t) => ({
    process: t.field({
      description: 'The process; its `output` holds everything.',
      type: ProcessRef,
      resolve: ({ process }) => process,
    }),
    exitCode: t.int({
      description: '0 to 255; null unless it exited by itself.',
      nullable: true,
      resolve: ({ process }) => process.exitCode,
    }),
    stdout: t.string({
      description: 'Standard output as UTF-8, up to the limit.',
      resolve: ({ stdout }) => Buffer.from(stdout).toString(),
    }),
    stderr: t.string({
      description: 'Standard error as UTF-8, up to the limit.',
      resolve: ({ stderr }) => Buffer.from(stderr).toString(),
    }),
    stdoutData: t.field({
      description: 'Standard output, exactly, up to the limit.',
      type: 'Base64',
      resolve: ({ stdout }) => stdout,
    }),
    stderrData: t.field({
      description: 'Standard error, exactly, up to the limit.',
      type: 'Base64',
      resolve: ({ stderr }) => stderr,
    }),
    stdoutTruncated: t.exposeBoolean('stdoutTruncated', {
      description: 'There was more than the limit; the rest is in `process.output`.',
    }),
    stderrTruncated: t.exposeBoolean('stderrTruncated', {
      description: 'There was more than the limit; the rest is in `process.output`.',
    }),
    durationMs: t.int({
      description: 'Milliseconds from start to end.',
      resolve: ({ process }) => (process.endedAt ?? process.startedAt) - process.startedAt,
    }),
  }),
});

const ExecInput = builder.inputType('ExecInput', {
  description: 'What to run. Give `command` for a shell, or `argv` without one.',
  fields: (t) => ({
    sandboxId: t.id({ required: true, description: 'Where.' }),
    command: t.string({ description: 'For bash.' }),
    argv: t.stringList({ description: 'Program and arguments.' }),
    cwd: t.string({ description: 'Working directory. Default: the home.' }),
    env: t.field({ type: [EnvInput], description: 'On top of the sandbox’s.' }),
    timeoutMs: t.int({
      description: 'Milliseconds until the whole process tree is killed. Default: none.',
    }),
    stdin: t.string({ description: 'Written to its standard input, which is closed then.' }),
    outputBytes: t.int({
      description:
        'Most bytes of each stream to return; at most, and by default, what the server allows.',
      validate: z.number().min(0),
    }),
  }),
});

builder.mutationField('exec', (t) =>
  t.withAuth({ authenticated: true }).field({
    description:
      'Runs a command, waits for its end, returns what it said. An exit code is no failure. It runs on if the caller leaves.',
    type: ExecPayload,
    errors: { types: [QuotaError] },
    args: { input: t.arg({ type: ExecInput, required: true, description: 'What to run.' }) },
    resolve: (_, { input: { env, sandboxId, ...input } }, { processes, principal }) =>
      processes.exec(principal, {
        ...defined(input),
        sandboxId,
        ...(env ? { env: toEnv(env) } : {}),
      }),
  }),
);

const RunCodeInput = builder.inputType('RunCodeInput', {
  description: 'What to run.',
  fields: (t) => ({
    sandboxId: t.id({ required: true, description: 'Where.' }),
    runtime: t.field({ type: CodeRuntimeEnum, required: true, description: 'With what.' }),
    code: t.string({
      required: true,
      description: 'At most 1 MiB.',
      validate: z.string().max(1_048_576),
    }),
    cwd: t.string({ description: 'Working directory. Default: the home.' }),
    env: t.field({ type: [EnvInput], description: 'On top of the sandbox’s.' }),
    timeoutMs: t.int({ description: 'Milliseconds until it is killed. Default: none.' }),
    stdin: t.string({ description: 'Written to its standard input.' }),
  }),
});

builder.mutationField('runCode', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Runs code in a language and waits for its end: `exec` without the quoting.',
    type: ExecPayload,
    errors: { types: [QuotaError] },
    args: { input: t.arg({ type: RunCodeInput, required: true, description: 'What to run.' }) },
    resolve: (
      _,
      { input: { env, sandboxId, runtime, code, ...input } },
      { processes, principal },
    ) =>
      processes.runCode(principal, {
        ...defined(input),
        sandboxId,
        runtime,
        code,
        ...(env ? { env: toEnv(env) } : {}),
      }),
  }),
);
