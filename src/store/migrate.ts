import { Migrator } from 'kysely/migration';
import type { Database } from './database.ts';
import { first } from './migrations/0001-first.ts';
import { access } from './migrations/0002-access.ts';
import { events } from './migrations/0003-events.ts';
import { servers } from './migrations/0004-servers.ts';

/** In order, never changed once released. */
const migrations = {
  '0001-first': first,
  '0002-access': access,
  '0003-events': events,
  '0004-servers': servers,
};

export const migrate = async (db: Database): Promise<void> => {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
};
