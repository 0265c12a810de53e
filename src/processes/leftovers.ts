import type { Journal } from '../journal/journal.ts';
import type { Store } from '../store/store.ts';
import { everyTenant } from '../store/types/scope.ts';
import { closeAsRow } from './close.ts';
import { processOf, topicOf } from './records.ts';

/** Rows that are asked for at once. */
const BATCH = 100;

/**
 * Journals that nobody will ever end: of processes that ended at another server, which are ended as their rows say, and of processes whose
 * rows are gone, which are removed.
 */
export const closeLeftovers = async (
  { store, journal }: { store: Store; journal: Journal },
  isRecorded: (id: string) => boolean,
): Promise<void> => {
  const settle = async (ids: readonly string[]): Promise<void> => {
    const rows = await store.processes.findMany(everyTenant, ids);
    for (const [index, id] of ids.entries()) {
      const row = rows[index];
      if (isRecorded(id)) continue;
      if (row) await closeAsRow(journal, row);
      else await journal.remove(topicOf(id));
    }
  };
  let batch: string[] = [];
  for await (const topic of journal.unended()) {
    const id = processOf(topic);
    if (id === null) continue;
    batch.push(id);
    if (batch.length < BATCH) continue;
    await settle(batch);
    batch = [];
  }
  await settle(batch);
};
