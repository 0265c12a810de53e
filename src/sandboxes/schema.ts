import { NetworkModeEnum } from '../catalog/capabilities-schema.ts';
import { ProviderRef } from '../catalog/schema.ts';
import { builder } from '../graphql/builder.ts';
import { described } from '../graphql/enums.ts';
import type { Sandbox, SandboxState, TerminationReason } from '../store/types/sandbox.ts';
import { ResourcesRef } from './resources-schema.ts';

export const SandboxStateEnum = builder.enumType('SandboxState', {
  description: 'Where a sandbox is in its life.',
  values: described<SandboxState>({
    QUEUED: 'It waits for room in a quota; `queuePosition` says how many are in front.',
    CREATING: 'The provider is making it.',
    READY: 'It can be used.',
    DESTROYING: 'It is being removed.',
    TERMINATED: 'It has ended; `terminationReason` says why.',
    FAILED: 'It never became ready.',
  }),
});

export const TerminationReasonEnum = builder.enumType('TerminationReason', {
  description: 'Why a sandbox ended.',
  values: described<TerminationReason>({
    USER: 'Somebody destroyed it.',
    EXPIRED: 'Its time was over.',
    LOST: 'It was gone, or died, and nobody here did it.',
    CREATE_FAILED: 'It could not be made.',
    QUEUE_TIMEOUT: 'It waited too long for room.',
    PROVIDER: 'The provider ended it.',
  }),
});

const LabelRef = builder.objectRef<{ key: string; value: string }>('Label').implement({
  description: 'A name and a value that clients give to sandboxes.',
  fields: (t) => ({
    key: t.exposeString('key', { description: 'The name.' }),
    value: t.exposeString('value', { description: 'The value.' }),
  }),
});

export const SandboxRef = builder.loadableNodeRef('Sandbox', {
  id: { resolve: (sandbox: Sandbox) => sandbox.id },
  load: async (ids: string[], { sandboxes, principal }) => {
    const rows = principal ? await sandboxes.getMany(principal, ids) : ids.map(() => null);
    // A node that is missing and one that is another's are the same: null.
    return rows as Sandbox[];
  },
});

builder.objectType(SandboxRef, {
  description: 'An isolated computer: files, processes, terminals, and a time at which it ends.',
  fields: (t) => ({
    state: t.field({
      description: 'Where it is in its life.',
      type: SandboxStateEnum,
      resolve: (row) => row.state,
    }),
    provider: t.field({
      description: 'Who runs it.',
      type: ProviderRef,
      nullable: true,
      resolve: async (row, _, { catalog, principal }) =>
        (principal ? await catalog.providers(principal) : []).find(
          ({ provider }) => provider.name === row.provider,
        ) ?? null,
    }),
    template: t.exposeString('template', { description: 'What it was made from.' }),
    labels: t.field({
      description: 'Its labels, by key.',
      type: [LabelRef],
      resolve: ({ labels }) =>
        Object.keys(labels)
          .sort()
          .map((key) => ({ key, value: labels[key] ?? '' })),
    }),
    envNames: t.stringList({
      description: 'Names of the variables given to its processes. Values are never shown.',
      resolve: ({ env }) => Object.keys(env).sort(),
    }),
    networkMode: t.field({
      description: 'What it may reach.',
      type: NetworkModeEnum,
      resolve: (row) => row.networkMode,
    }),
    networkAllow: t.stringList({
      description: 'Hosts of an ALLOW_LIST.',
      resolve: (row) => [...row.networkAllow],
    }),
    tenant: t.exposeString('tenant', { description: 'Whose it is.' }),
    queuePosition: t.int({
      description:
        'Its place among those of the tenant that wait, 1 for the next; null when it does not wait.',
      nullable: true,
      complexity: 2,
      resolve: (row, _, { sandboxes, principal }) =>
        row.state === 'QUEUED' && principal ? sandboxes.queuePosition(principal, row.id) : null,
    }),
    createdBy: t.exposeString('createdBy', { description: 'Subject of the token that made it.' }),
    createdAt: t.field({
      description: 'When it was asked for.',
      type: 'DateTime',
      resolve: (row) => row.createdAt,
    }),
    readyAt: t.field({
      description: 'When it became ready.',
      type: 'DateTime',
      nullable: true,
      resolve: (row) => row.readyAt,
    }),
    expiresAt: t.field({
      description: 'When it ends unless it is extended.',
      type: 'DateTime',
      resolve: (row) => row.expiresAt,
    }),
    endedAt: t.field({
      description: 'When it ended.',
      type: 'DateTime',
      nullable: true,
      resolve: (row) => row.endedAt,
    }),
    terminationReason: t.field({
      description: 'Why it ended.',
      type: TerminationReasonEnum,
      nullable: true,
      resolve: (row) => row.terminationReason,
    }),
    terminationMessage: t.exposeString('terminationMessage', {
      description: 'Why it ended, for people.',
      nullable: true,
    }),
    resources: t.field({
      description: 'What it uses and may use, measured now; null when it is not ready.',
      type: ResourcesRef,
      nullable: true,
      complexity: 10,
      resolve: (row, _, { sandboxes, principal }) =>
        row.state === 'READY' && principal ? sandboxes.usage(principal, row.id) : null,
    }),
  }),
});

export const SandboxPayload = builder
  .objectRef<{ row: Sandbox; replayed: boolean }>('SandboxPayload')
  .implement({
    description: 'A sandbox after a change.',
    fields: (t) => ({
      sandbox: t.field({
        description: 'The sandbox as it is now.',
        type: SandboxRef,
        resolve: ({ row }) => row,
      }),
      replayed: t.exposeBoolean('replayed', {
        description: 'An earlier call with the same idempotencyKey did this.',
      }),
    }),
  });
