import { AppError } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import { defined } from '../lib/defined.ts';
import type { RevocationKind } from '../store/types/revocation.ts';
import type { IssuedToken } from './service.ts';
import { PermissionEnum } from './viewer-schema.ts';

const IssueInput = builder.inputType('IssueTokenInput', {
  description: 'For whom, and for what. Never more than one’s own rights.',
  fields: (t) => ({
    subject: t.string({ required: true, description: 'Who it speaks for.' }),
    role: t.string({ required: true, description: 'Such as viewer.' }),
    ttlSeconds: t.int({ required: true, description: 'How long it is valid, 1 s to 366 days.' }),
    permissions: t.field({
      type: [PermissionEnum],
      description: 'Only these of the role. Default: all of them.',
    }),
    sandboxIds: t.idList({ description: 'Only these sandboxes, at most 50. Default: all.' }),
    readOnly: t.boolean({ description: 'Only what changes nothing.' }),
    tenant: t.string({ description: 'For roles that reach all. Default: one’s own.' }),
    plan: t.string({ description: 'For roles that reach all. Default: one’s own.' }),
  }),
});

const IssuePayload = builder.objectRef<IssuedToken>('IssueTokenPayload').implement({
  description: 'The new token. It is shown this once.',
  fields: (t) => ({
    token: t.exposeString('token', { description: 'For `Authorization: Bearer`.' }),
    tokenId: t.exposeID('tokenId', { description: 'To revoke it by.' }),
    expiresAt: t.field({
      description: 'Until when.',
      type: 'DateTime',
      resolve: ({ expiresAt }) => expiresAt,
    }),
  }),
});

builder.mutationField('issueToken', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Makes a token, for a share link or a dashboard, say.',
    type: IssuePayload,
    errors: {},
    args: { input: t.arg({ type: IssueInput, required: true, description: 'For whom and what.' }) },
    resolve: (_, { input: { subject, role, ttlSeconds, ...rest } }, { tokens, principal }) =>
      tokens.issue(principal, { subject, role, ttlSeconds, ...defined(rest) }),
  }),
);

const RevokeInput = builder.inputType('RevokeTokensInput', {
  description: 'Which: give `tokenId`, `subject` or `wholeTenant`, one of them.',
  fields: (t) => ({
    tokenId: t.id({ description: 'The one with this id (its claim `jti`).' }),
    subject: t.string({ description: 'All issued to this subject until now.' }),
    wholeTenant: t.boolean({ description: 'All issued in the tenant until now.' }),
    tenant: t.string({ description: 'For roles that reach all. Default: one’s own.' }),
  }),
});
const RevokePayload = builder.objectRef<{ before: number }>('RevokeTokensPayload').implement({
  description: 'They do not count any more, and their streams end within a second.',
  fields: (t) => ({
    before: t.field({
      description: 'Tokens issued until then are meant.',
      type: 'DateTime',
      resolve: ({ before }) => before,
    }),
  }),
});

const targetOf = (
  input: typeof RevokeInput.$inferInput,
): { kind: RevocationKind; value: string } => {
  const targets = [
    ...(input.tokenId ? [{ kind: 'token' as const, value: input.tokenId }] : []),
    ...(input.subject ? [{ kind: 'subject' as const, value: input.subject }] : []),
    ...(input.wholeTenant ? [{ kind: 'tenant' as const, value: '' }] : []),
  ];
  const [target] = targets;
  if (!target || targets.length > 1)
    throw new AppError('INVALID_ARGUMENT', 'Give exactly one of tokenId, subject and wholeTenant.');
  return target;
};

builder.mutationField('revokeTokens', (t) =>
  t.withAuth({ authenticated: true }).field({
    description:
      'Ends tokens before their time, and the signed URLs that were asked for with them.',
    type: RevokePayload,
    errors: {},
    args: { input: t.arg({ type: RevokeInput, required: true, description: 'Which.' }) },
    resolve: (_, { input }, { tokens, principal }) =>
      tokens.revoke(principal, { ...targetOf(input), tenant: input.tenant ?? undefined }),
  }),
);

const ReauthenticateInput = builder.inputType('ReauthenticateInput', {
  description: 'The next token.',
  fields: (t) => ({
    token: t.string({
      required: true,
      description: 'Of the same subject and tenant, with no fewer rights.',
    }),
  }),
});
const ReauthenticatePayload = builder
  .objectRef<{ expiresAt: number }>('ReauthenticatePayload')
  .implement({
    description: 'The connection goes on.',
    fields: (t) => ({
      expiresAt: t.field({
        description: 'Until when.',
        type: 'DateTime',
        resolve: ({ expiresAt }) => expiresAt,
      }),
    }),
  });

builder.mutationField('reauthenticate', (t) =>
  t.withAuth({ authenticated: true }).field({
    description:
      'Gives the WebSocket this is sent on another token: its streams live on past the end of the first. Over HTTP: UNSUPPORTED.',
    type: ReauthenticatePayload,
    errors: {},
    args: { input: t.arg({ type: ReauthenticateInput, required: true, description: 'It.' }) },
    resolve: (_, { input }, { tokens, principal, session }) =>
      tokens.reauthenticate(principal, session, input.token),
  }),
);
