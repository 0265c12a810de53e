import { AppError } from '../errors.ts';
import type { Cursors } from './cursor.ts';
import type { Journal, JournalItem } from './journal.ts';

/**
 * A tenant's stream that is there before its first record: all that is kept, or what came after a cursor, then live, each item with its own
 * cursor. `BAD_CURSOR` and `CURSOR_EXPIRED { earliest }` at once; `expired` says what to do then.
 */
export const followFrom = async (
  { journal, cursors }: { journal: Journal; cursors: Cursors },
  { tenant, topic, expired }: { tenant: string; topic: string; expired: string },
  after: string | null,
  signal: AbortSignal,
): Promise<AsyncIterable<{ item: JournalItem; cursor: string }>> => {
  await journal.create(topic);
  const from = after === null ? null : cursors.decode(tenant, topic, after);
  const earliest = ((await journal.info(topic))?.first ?? 1) - 1;
  if (from !== null && from < earliest)
    throw new AppError('CURSOR_EXPIRED', expired, {
      details: { earliest: cursors.encode(tenant, topic, earliest) },
    });
  const batches = journal.read(topic, { after: from ?? earliest, signal });
  return (async function* () {
    for await (const batch of batches)
      for (const item of batch)
        yield { item, cursor: cursors.encode(tenant, topic, 'gap' in item ? item.to : item.seq) };
  })();
};
