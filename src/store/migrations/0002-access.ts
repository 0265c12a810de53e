import type { Kysely } from 'kysely';

const addToSandboxes = async ({ schema }: Kysely<never>): Promise<void> => {
  for (const name of ['bookedAt', 'queuedAt'] as const)
    await schema.alterTable('sandboxes').addColumn(name, 'bigint').execute();
  await schema
    .alterTable('sandboxes')
    .addColumn('plan', 'text', (c) => c.notNull().defaultTo('unlimited'))
    .execute();
  await schema.alterTable('sandboxes').addColumn('subjectLimit', 'integer').execute();
  await schema
    .alterTable('sandboxes')
    .addColumn('bookedCpuSeconds', 'double precision', (c) => c.notNull().defaultTo(0))
    .execute();
};

const createShares = async ({ schema }: Kysely<never>): Promise<void> => {
  await schema
    .createTable('sandbox_shares')
    .addColumn('tenant', 'text', (c) => c.notNull())
    .addColumn('sandboxId', 'text', (c) => c.notNull())
    .addColumn('subject', 'text', (c) => c.notNull())
    .addColumn('access', 'text', (c) => c.notNull())
    .addColumn('createdBy', 'text', (c) => c.notNull())
    .addColumn('createdAt', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('sandbox_shares_key', ['tenant', 'sandboxId', 'subject'])
    .execute();
  await schema
    .createIndex('sandbox_shares_subject')
    .on('sandbox_shares')
    .columns(['tenant', 'subject'])
    .execute();
};

const createRevocations = async ({ schema }: Kysely<never>): Promise<void> => {
  await schema
    .createTable('revocations')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('tenant', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('value', 'text', (c) => c.notNull())
    .addColumn('before', 'bigint', (c) => c.notNull())
    .addColumn('createdBy', 'text', (c) => c.notNull())
    .addColumn('createdAt', 'bigint', (c) => c.notNull())
    .execute();
  await schema
    .createIndex('revocations_created')
    .on('revocations')
    .columns(['createdAt'])
    .execute();
};

const createQuotas = ({ schema }: Kysely<never>): Promise<void> =>
  schema
    .createTable('quotas')
    .addColumn('tenant', 'text', (c) => c.notNull())
    .addColumn('subject', 'text', (c) => c.notNull())
    .addColumn('metric', 'text', (c) => c.notNull())
    .addColumn('window', 'text', (c) => c.notNull())
    .addColumn('level', 'text', (c) => c.notNull())
    .addColumn('limit', 'double precision', (c) => c.notNull())
    .addColumn('setBy', 'text', (c) => c.notNull())
    .addColumn('setAt', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('quotas_key', ['tenant', 'subject', 'metric', 'window', 'level'])
    .execute();

const createUsage = async ({ schema }: Kysely<never>): Promise<void> => {
  await schema
    .createTable('usage_entries')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('tenant', 'text', (c) => c.notNull())
    .addColumn('subject', 'text', (c) => c.notNull())
    .addColumn('sandboxId', 'text', (c) => c.notNull())
    .addColumn('metric', 'text', (c) => c.notNull())
    .addColumn('amount', 'double precision', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .execute();
  await schema
    .createIndex('usage_entries_at')
    .on('usage_entries')
    .columns(['tenant', 'at'])
    .execute();
  await schema
    .createTable('usage_hours')
    .addColumn('tenant', 'text', (c) => c.notNull())
    .addColumn('subject', 'text', (c) => c.notNull())
    .addColumn('metric', 'text', (c) => c.notNull())
    .addColumn('hour', 'bigint', (c) => c.notNull())
    .addColumn('amount', 'double precision', (c) => c.notNull())
    .addPrimaryKeyConstraint('usage_hours_key', ['tenant', 'metric', 'hour', 'subject'])
    .execute();
};

const createTenantLocks = ({ schema }: Kysely<never>): Promise<void> =>
  schema
    .createTable('tenant_locks')
    .addColumn('tenant', 'text', (c) => c.primaryKey())
    .addColumn('taken', 'bigint', (c) => c.notNull())
    .execute();

const createAudit = async ({ schema }: Kysely<never>): Promise<void> => {
  await schema
    .createTable('audit_heads')
    .addColumn('tenant', 'text', (c) => c.primaryKey())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('hash', 'text', (c) => c.notNull())
    .execute();
  let audit = schema
    .createTable('audit')
    .addColumn('tenant', 'text', (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull());
  for (const name of ['id', 'requestId', 'action', 'outcome', 'previousHash', 'hash'] as const)
    audit = audit.addColumn(name, 'text', (c) => c.notNull());
  for (const name of [
    'subject',
    'role',
    'tokenId',
    'address',
    'target',
    'sandboxId',
    'code',
  ] as const)
    audit = audit.addColumn(name, 'text');
  await audit.addPrimaryKeyConstraint('audit_key', ['tenant', 'seq']).execute();
};

/** Who may do what and how much of it, and what was done. */
export const access = {
  async up(db: Kysely<never>): Promise<void> {
    await addToSandboxes(db);
    await createShares(db);
    await createRevocations(db);
    await createQuotas(db);
    await createUsage(db);
    await createTenantLocks(db);
    await createAudit(db);
  },
};
