import type { Kysely } from 'kysely';

/** Who runs on this database, and which database it is. */
export const servers = {
  async up(db: Kysely<never>): Promise<void> {
    const { schema } = db;
    await schema
      .createTable('deployment')
      .addColumn('one', 'integer', (c) => c.primaryKey())
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('database', 'text', (c) => c.notNull())
      .execute();
    let table = schema.createTable('servers').addColumn('id', 'text', (c) => c.primaryKey());
    for (const name of ['host', 'stateDir', 'database'] as const)
      table = table.addColumn(name, 'text', (c) => c.notNull());
    for (const name of ['address', 'doubt', 'predecessor'] as const)
      table = table.addColumn(name, 'text');
    for (const name of ['epoch', 'startedAt', 'heartbeatAt', 'leaseUntil'] as const)
      table = table.addColumn(name, 'bigint', (c) => c.notNull());
    await table.execute();
    await schema
      .createTable('orphans')
      .addColumn('provider', 'text', (c) => c.notNull())
      .addColumn('ref', 'text', (c) => c.notNull())
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('server', 'text', (c) => c.notNull())
      .addColumn('foundAt', 'bigint', (c) => c.notNull())
      .addColumn('removeAt', 'bigint')
      .addPrimaryKeyConstraint('orphans_key', ['provider', 'ref'])
      .execute();
    await schema
      .createIndex('sandboxes_owner')
      .on('sandboxes')
      .columns(['owner', 'state'])
      .execute();
  },
};
