import type { Kysely } from 'kysely';

const createSandboxes = async ({ schema }: Kysely<never>): Promise<void> => {
  let table = schema
    .createTable('sandboxes')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('tenant', 'text', (c) => c.notNull());
  for (const name of [
    'createdBy',
    'provider',
    'state',
    'template',
    'labels',
    'env',
    'networkMode',
    'networkAllow',
  ] as const) {
    table = table.addColumn(name, 'text', (c) => c.notNull());
  }
  for (const name of ['memoryBytes', 'diskBytes', 'createdAt', 'expiresAt'] as const)
    table = table.addColumn(name, 'bigint', (c) => c.notNull());
  for (const name of ['readyAt', 'endedAt'] as const) table = table.addColumn(name, 'bigint');
  for (const name of ['ref', 'terminationReason', 'terminationMessage'] as const)
    table = table.addColumn(name, 'text');
  await table
    .addColumn('cpus', 'double precision', (c) => c.notNull())
    .addColumn('maxProcesses', 'integer', (c) => c.notNull())
    .execute();
  await schema
    .createIndex('sandboxes_created')
    .on('sandboxes')
    .columns(['tenant', 'createdAt', 'id'])
    .execute();
  await schema
    .createIndex('sandboxes_state')
    .on('sandboxes')
    .columns(['state', 'expiresAt'])
    .execute();
};

const createLabels = async ({ schema }: Kysely<never>): Promise<void> => {
  await schema
    .createTable('sandbox_labels')
    .addColumn('tenant', 'text', (c) => c.notNull())
    .addColumn('sandboxId', 'text', (c) => c.notNull())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('value', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('sandbox_labels_key', ['sandboxId', 'key'])
    .execute();
  await schema
    .createIndex('sandbox_labels_value')
    .on('sandbox_labels')
    .columns(['tenant', 'key', 'value'])
    .execute();
};

const createProcesses = async ({ schema }: Kysely<never>): Promise<void> => {
  let table = schema.createTable('processes').addColumn('id', 'text', (c) => c.primaryKey());
  for (const name of [
    'tenant',
    'sandboxId',
    'createdBy',
    'argv',
    'command',
    'purpose',
    'state',
  ] as const) {
    table = table.addColumn(name, 'text', (c) => c.notNull());
  }
  for (const name of ['cwd', 'signal'] as const) table = table.addColumn(name, 'text');
  for (const name of ['pid', 'cols', 'rows', 'exitCode'] as const)
    table = table.addColumn(name, 'integer');
  for (const name of ['endedAt', 'timeoutMs', 'maxMemoryBytes'] as const)
    table = table.addColumn(name, 'bigint');
  await table
    .addColumn('startedAt', 'bigint', (c) => c.notNull())
    .addColumn('cpuSeconds', 'double precision')
    .execute();
  await schema
    .createIndex('processes_started')
    .on('processes')
    .columns(['tenant', 'sandboxId', 'startedAt', 'id'])
    .execute();
  await schema.createIndex('processes_state').on('processes').columns(['state']).execute();
};

const createIdempotency = ({ schema }: Kysely<never>): Promise<void> =>
  schema
    .createTable('idempotency')
    .addColumn('tenant', 'text', (c) => c.notNull())
    .addColumn('operation', 'text', (c) => c.notNull())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('fingerprint', 'text', (c) => c.notNull())
    .addColumn('resultId', 'text')
    .addColumn('createdAt', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('idempotency_key', ['tenant', 'operation', 'key'])
    .execute();

/** Sandboxes and the processes in them. */
export const first = {
  async up(db: Kysely<never>): Promise<void> {
    await createSandboxes(db);
    await createLabels(db);
    await createProcesses(db);
    await createIdempotency(db);
  },
};
