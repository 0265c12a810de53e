import { z } from 'zod';
import { NetworkModeEnum } from '../catalog/capabilities-schema.ts';
import { QuotaError } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import { defined } from '../lib/defined.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import { EnvInput, toEnv } from './environment-schema.ts';
import { LabelInput, SandboxFilterInput, toFilter, toLabels } from './queries-schema.ts';
import { SandboxPayload, SandboxRef } from './schema.ts';

const CreateInput = builder.inputType('CreateSandboxInput', {
  description: 'What to make. Everything has a default.',
  fields: (t) => ({
    provider: t.string({ description: 'Who shall run it. Default: whoever can.' }),
    template: t.string({ description: 'What to make it from. Default: `default`.' }),
    env: t.field({ type: [EnvInput], description: 'Variables for all its processes.' }),
    labels: t.field({ type: [LabelInput], description: 'Labels.' }),
    timeoutSeconds: t.int({ description: 'How long it lives unless it is extended.' }),
    cpus: t.float({ description: 'Cores.' }),
    memoryBytes: t.field({ type: 'Byte', description: 'Memory.' }),
    diskBytes: t.field({ type: 'Byte', description: 'Disk.' }),
    processes: t.int({ description: 'Processes at once.' }),
    networkMode: t.field({
      type: NetworkModeEnum,
      description: 'What it may reach. Default: NONE.',
    }),
    networkAllow: t.stringList({
      description:
        'Hosts for ALLOW_LIST, such as registry.npmjs.org or *.example.com, with :port for others than 80 and 443.',
    }),
    wait: t.boolean({
      description:
        'Without room in a quota: wait for it, as QUEUED, instead of being refused. `sandboxEvents` tells when it is ready.',
    }),
    idempotencyKey: t.string({
      description:
        'A second call with the same key within 24 h makes nothing and returns the first sandbox.',
    }),
  }),
});

const payload = (row: Sandbox) => ({ row, replayed: false });

builder.mutationField('createSandbox', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Makes a sandbox and returns when it is ready, or when it waits (`wait: true`).',
    type: SandboxPayload,
    errors: { types: [QuotaError] },
    args: { input: t.arg({ type: CreateInput, required: true, description: 'What to make.' }) },
    resolve: (
      _,
      { input: { networkMode, networkAllow, labels, env, ...input } },
      { sandboxes, principal },
    ) =>
      sandboxes.create(principal, {
        ...defined(input),
        ...(env ? { env: toEnv(env) } : {}),
        ...(labels ? { labels: toLabels(labels) } : {}),
        network: { mode: networkMode ?? 'none', allow: networkAllow ?? [] },
      }),
  }),
);

const UpdateInput = builder.inputType('UpdateSandboxInput', {
  description: 'What to change.',
  fields: (t) => ({
    sandboxId: t.id({ required: true, description: '`sbx_…`' }),
    labels: t.field({
      type: [LabelInput],
      required: true,
      description: 'All labels it shall have; others go.',
    }),
  }),
});

builder.mutationField('updateSandbox', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Replaces the labels.',
    type: SandboxPayload,
    errors: {},
    args: { input: t.arg({ type: UpdateInput, required: true, description: 'What to change.' }) },
    resolve: async (_, { input }, { sandboxes, principal }) =>
      payload(await sandboxes.setLabels(principal, input.sandboxId, toLabels(input.labels))),
  }),
);

const ExtendInput = builder.inputType('ExtendSandboxInput', {
  description: 'How long it shall live on.',
  fields: (t) => ({
    sandboxId: t.id({ required: true, description: '`sbx_…`' }),
    timeoutSeconds: t.int({
      required: true,
      description: 'Seconds from now until it ends.',
      validate: z.number().min(1),
    }),
  }),
});

builder.mutationField('extendSandbox', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Sets the end to so many seconds from now, sooner or later than it was.',
    type: SandboxPayload,
    errors: {},
    args: { input: t.arg({ type: ExtendInput, required: true, description: 'How long.' }) },
    resolve: async (_, { input }, { sandboxes, principal }) =>
      payload(await sandboxes.extend(principal, input.sandboxId, input.timeoutSeconds)),
  }),
);

const DestroyInput = builder.inputType('DestroySandboxInput', {
  description: 'Which.',
  fields: (t) => ({ sandboxId: t.id({ required: true, description: '`sbx_…`' }) }),
});

builder.mutationField('destroySandbox', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Ends a sandbox; returns when nothing is left of it. Again: the same answer.',
    type: SandboxPayload,
    errors: {},
    args: { input: t.arg({ type: DestroyInput, required: true, description: 'Which.' }) },
    resolve: async (_, { input }, { sandboxes, principal }) =>
      payload(await sandboxes.destroy(principal, input.sandboxId)),
  }),
);

const DestroyManyInput = builder.inputType('DestroySandboxesInput', {
  description: 'Which ones.',
  fields: (t) => ({
    filter: t.field({
      type: SandboxFilterInput,
      required: true,
      description: 'Must not be empty. At most 1,000 at once.',
    }),
  }),
});
const DestroyManyPayload = builder
  .objectRef<{ rows: Sandbox[] }>('DestroySandboxesPayload')
  .implement({
    description: 'What was destroyed.',
    fields: (t) => ({
      sandboxes: t.field({
        description: 'Those that were alive.',
        type: [SandboxRef],
        resolve: ({ rows }) => rows,
      }),
    }),
  });

builder.mutationField('destroySandboxes', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Ends all living sandboxes that the filter finds.',
    type: DestroyManyPayload,
    errors: {},
    args: { input: t.arg({ type: DestroyManyInput, required: true, description: 'Which.' }) },
    resolve: async (_, { input }, { sandboxes, principal }) => ({
      rows: await sandboxes.destroyMany(principal, toFilter(input.filter)),
    }),
  }),
);
