import { AppError } from '../errors.ts';
import type { Cursors } from '../journal/cursor.ts';
import type { Journal } from '../journal/journal.ts';
import type { Process } from '../store/types/process.ts';
import { exitOfRow } from './close.ts';
import { type At, exitEvent, type ProcessEvent, trimmedGap } from './output-events.ts';
import { topicOf } from './records.ts';

export type Parts = { journal: Journal; cursors: Cursors };

export const isExpired = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'CURSOR_EXPIRED';

/** The journal of one process, and the places in it as callers name them. */
export const streamOf = ({ journal, cursors }: Parts, row: Process) => {
  const { id, tenant } = row;
  const topic = topicOf(id);
  const at: At = (seq) => cursors.encode(tenant, topic, seq, journal.id);
  const firstOf = async (): Promise<number> => (await journal.info(topic))?.first ?? 1;
  /** The same failure with a cursor in place of a number. */
  const expired = async (error: unknown): Promise<unknown> => {
    if (!isExpired(error)) return error;
    return new AppError(
      'CURSOR_EXPIRED',
      'The output after this cursor is no longer kept here. Go on with `details.earliest`; what lies between is lost.',
      { details: { earliest: at((await firstOf()) - 1) } },
    );
  };
  /** Its places are none of a journal: a cursor that was given before the journal was removed comes before them all. */
  const rowOrigin = `${journal.id} row`;
  const inRow: At = (seq) => cursors.encode(tenant, topic, seq, rowOrigin);
  const placeInRow = (after: string): number => {
    try {
      return cursors.decode(tenant, topic, after, rowOrigin);
    } catch (error) {
      if (isExpired(error)) return 0;
      throw error;
    }
  };
  return {
    topic,
    at,
    firstOf,
    expired,
    async start(after: string | null): Promise<number> {
      if (after === null) return (await firstOf()) - 1;
      try {
        return cursors.decode(tenant, topic, after, journal.id);
      } catch (error) {
        throw await expired(error);
      }
    },
    /**
     * What can be told in place of a journal that is not here: it is kept for less long than the row of its process, or by another server.
     * Null when it is here.
     */
    async fromRow(after: string | null): Promise<ProcessEvent[] | null> {
      const exit = exitOfRow(row);
      if (exit === null || (await journal.info(topic)) !== null) return null;
      const events = [
        trimmedGap(inRow, 1, 1),
        exitEvent(exit, inRow(2), row.endedAt ?? row.startedAt),
      ];
      return after === null ? events : events.slice(placeInRow(after));
    },
  };
};
