import { Migrator } from 'kysely/migration';
import type { Database } from './database.ts';
import { first } from './migrations/0001-first.ts';

/** In order, never changed once released. */
const migrations = { '0001-first': first };

export const migrate = async (db: Database): Promise<void> => {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
};
