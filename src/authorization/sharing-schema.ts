import { builder } from '../graphql/builder.ts';
import { upper } from '../graphql/enums.ts';
import { SandboxPayload, SandboxRef } from '../sandboxes/schema.ts';
import type { Share, ShareAccess } from '../store/types/share.ts';

const AccessEnum = builder.enumType('ShareAccess', {
  description: 'What another subject may do with a shared sandbox, within its own role.',
  values: upper<ShareAccess>({ read: 'Look at it.', write: 'Use it as its owner.' }),
});

const ShareRef = builder.objectRef<Share>('SandboxShare').implement({
  description: 'Another subject of the tenant that may see a sandbox.',
  fields: (t) => ({
    subject: t.exposeString('subject', { description: 'Who.' }),
    access: t.field({ description: 'How.', type: AccessEnum, resolve: ({ access }) => access }),
    createdBy: t.exposeString('createdBy', { description: 'Who shared it.' }),
    createdAt: t.field({
      description: 'When.',
      type: 'DateTime',
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
});

builder.objectField(SandboxRef, 'shares', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Whom it is shared with; for its owner and for roles that reach the tenant.',
    type: [ShareRef],
    complexity: 5,
    resolve: (row, _, { sharing, principal }) => sharing.shares(principal, row.id),
  }),
);

const ShareInput = builder.inputType('ShareSandboxInput', {
  description: 'What to share, and with whom.',
  fields: (t) => ({
    sandboxId: t.id({ required: true, description: '`sbx_…`' }),
    subject: t.string({ required: true, description: 'Of the same tenant.' }),
    access: t.field({ type: AccessEnum, required: true, description: 'How.' }),
  }),
});

builder.mutationField('shareSandbox', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Shares a sandbox with a subject; again: with the new access.',
    type: SandboxPayload,
    errors: {},
    args: { input: t.arg({ type: ShareInput, required: true, description: 'What, with whom.' }) },
    resolve: async (_, { input }, { sharing, principal }) => ({
      row: await sharing.share(principal, input.sandboxId, input.subject, input.access),
      replayed: false,
    }),
  }),
);

const UnshareInput = builder.inputType('UnshareSandboxInput', {
  description: 'What to share no longer, and with whom.',
  fields: (t) => ({
    sandboxId: t.id({ required: true, description: '`sbx_…`' }),
    subject: t.string({ required: true, description: 'Who.' }),
  }),
});

builder.mutationField('unshareSandbox', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Takes a share back. Again: the same answer.',
    type: SandboxPayload,
    errors: {},
    args: { input: t.arg({ type: UnshareInput, required: true, description: 'What, with whom.' }) },
    resolve: async (_, { input }, { sharing, principal }) => ({
      row: await sharing.unshare(principal, input.sandboxId, input.subject),
      replayed: false,
    }),
  }),
);
