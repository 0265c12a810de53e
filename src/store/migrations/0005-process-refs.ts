import type { Kysely } from 'kysely';

export const processRefs = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('processes').addColumn('ref', 'text').execute();
  },
};
