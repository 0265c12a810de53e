import type { Kysely } from 'kysely';

/** Journals of rows, owners of rows, and what lists and retention look by. */
export const events = {
  async up(db: Kysely<never>): Promise<void> {
    const { schema } = db;
    for (const name of ['owner', 'host', 'placement'] as const)
      await schema.alterTable('sandboxes').addColumn(name, 'text').execute();
    await schema
      .alterTable('sandboxes')
      .addColumn('ownerEpoch', 'bigint', (c) => c.notNull().defaultTo(0))
      .execute();
    await schema.alterTable('sandboxes').addColumn('warnedExpiresAt', 'bigint').execute();
    await schema.alterTable('processes').addColumn('ref', 'text').execute();

    for (const table of ['sandbox_events', 'usage_events'] as const) {
      await schema
        .createTable(table)
        .addColumn('tenant', 'text', (c) => c.notNull())
        .addColumn('seq', 'bigint', (c) => c.notNull())
        .addColumn('at', 'bigint', (c) => c.notNull())
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('meta', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint(`${table}_key`, ['tenant', 'seq'])
        .execute();
      await schema.createIndex(`${table}_at`).on(table).columns(['at']).execute();
    }
    await schema
      .createTable('event_heads')
      .addColumn('log', 'text', (c) => c.notNull())
      .addColumn('tenant', 'text', (c) => c.notNull())
      .addColumn('first', 'bigint', (c) => c.notNull())
      .addColumn('last', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('event_heads_key', ['log', 'tenant'])
      .execute();
    await schema
      .createTable('usage_retention')
      .addColumn('id', 'integer', (c) => c.primaryKey())
      .addColumn('before', 'bigint', (c) => c.notNull())
      .execute();

    // What retention looks by. A process's and a sandbox's `endedAt` is null while it lives.
    for (const [table, column] of [
      ['sandboxes', 'endedAt'],
      ['processes', 'endedAt'],
      ['usage_entries', 'at'],
      ['idempotency', 'createdAt'],
    ] as const)
      await schema.createIndex(`${table}_purged`).on(table).columns([column]).execute();

    // Lists of a tenant with forty thousand rows.
    await schema.dropIndex('sandbox_labels_value').execute();
    await schema
      .createIndex('sandbox_labels_value')
      .on('sandbox_labels')
      .columns(['tenant', 'key', 'value', 'sandboxId'])
      .execute();
    await schema
      .createIndex('sandboxes_creator')
      .on('sandboxes')
      .columns(['tenant', 'createdBy', 'createdAt', 'id'])
      .execute();
    await schema
      .createIndex('sandboxes_tenant_state')
      .on('sandboxes')
      .columns(['tenant', 'state', 'createdAt', 'id'])
      .execute();
  },
};
