import { builder } from '../graphql/builder.ts';
import { described } from '../graphql/enums.ts';
import { connection } from '../graphql/pagination.ts';
import type { AuditFilter, AuditOutcome, AuditRow } from '../store/types/audit.ts';

const OutcomeEnum = builder.enumType('AuditOutcome', {
  description: 'How it went.',
  values: described<AuditOutcome>({
    SUCCEEDED: 'It was done.',
    FAILED: 'It was allowed and could not be done.',
    DENIED: 'It was refused.',
  }),
});

const EntryRef = builder.objectRef<AuditRow>('AuditEntry').implement({
  description:
    'One mutation or refusal: who did what to what, and how it went. Never with what contents.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Of the row.' }),
    number: t.int({
      description: 'Rows of a tenant are counted from 1.',
      resolve: ({ seq }) => seq,
    }),
    at: t.field({ description: 'When.', type: 'DateTime', resolve: ({ at }) => at }),
    tenant: t.exposeString('tenant', {
      description: 'Of the caller; empty when its token was refused.',
    }),
    subject: t.exposeString('subject', { description: 'Who.', nullable: true }),
    role: t.exposeString('role', { description: 'As what.', nullable: true }),
    tokenId: t.exposeID('tokenId', { description: 'With which token.', nullable: true }),
    address: t.exposeString('address', { description: 'From where.', nullable: true }),
    action: t.exposeString('action', { description: 'The mutation, or what was read.' }),
    target: t.exposeString('target', {
      description: 'Id of what it was done to, as it was given.',
      nullable: true,
    }),
    sandboxId: t.exposeID('sandboxId', { description: 'In which sandbox.', nullable: true }),
    outcome: t.field({
      description: 'How it went.',
      type: OutcomeEnum,
      resolve: ({ outcome }) => outcome,
    }),
    code: t.exposeString('code', { description: 'Why not.', nullable: true }),
    requestId: t.exposeID('requestId', { description: 'As in `x-request-id`.' }),
    previousHash: t.exposeString('previousHash', {
      description: '`hash` of the row before; empty for the first.',
    }),
    hash: t.exposeString('hash', {
      description: 'SHA-256 over the row and the hash before it, in hex.',
    }),
  }),
});

const FilterInput = builder.inputType('AuditFilter', {
  description: 'All that is given must hold.',
  fields: (t) => ({
    tenant: t.string({
      description:
        'For roles that reach all; empty: callers whose token was refused. Default: one’s own.',
    }),
    subjects: t.stringList({ description: 'By one of these.' }),
    actions: t.stringList({ description: 'One of these.' }),
    outcomes: t.field({ type: [OutcomeEnum], description: 'With one of these outcomes.' }),
    sandboxIds: t.idList({ description: 'In one of these sandboxes.' }),
    requestIds: t.idList({ description: 'In one of these requests.' }),
    from: t.field({ type: 'DateTime', description: 'From this instant on.' }),
    to: t.field({ type: 'DateTime', description: 'Until before this one.' }),
  }),
});

const toFilter = (
  input: typeof FilterInput.$inferInput | null | undefined,
): AuditFilter & { tenant?: string } =>
  Object.fromEntries(
    Object.entries(input ?? {}).filter(([, value]) => value !== null && value !== undefined),
  );

builder.queryField('auditLog', (t) =>
  t.withAuth({ authenticated: true }).connection(
    {
      description: 'Every mutation and every refusal, newest first.',
      type: EntryRef,
      args: { filter: t.arg({ type: FilterInput, description: 'Which.' }) },
      complexity: ({ first, last }) => ({ field: 2, multiplier: first ?? last ?? 1 }),
      resolve: (_, { filter, ...page }, { audit, principal }) =>
        connection<AuditRow>(page, {
          newestFirst: true,
          key: ({ seq, id }) => ({ key: seq, id }),
          fetch: (range) => audit.page(principal, toFilter(filter), range),
        }),
    },
    { name: 'AuditLogConnection', description: 'A page of the audit log.' },
    { name: 'AuditLogEdge', description: 'A place in the list.' },
  ),
);
