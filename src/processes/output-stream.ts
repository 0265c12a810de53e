import { AppError } from '../errors.ts';
import type { Cursors } from '../journal/cursor.ts';
import type { Journal } from '../journal/journal.ts';
import type { Process } from '../store/types/process.ts';
import { type At, type GapEvent, trimmedGap } from './output-events.ts';
import { topicOf } from './records.ts';

/** Whose output it is. */
export type Owner = Pick<Process, 'id' | 'tenant' | 'endedAt'>;
type Parts = { journal: Journal; cursors: Cursors };

export const isExpired = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'CURSOR_EXPIRED';

/** The journal of one process, and the places in it as callers name them. */
export const streamOf = ({ journal, cursors }: Parts, { id, tenant, endedAt }: Owner) => {
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
    /** In place of a journal that was removed; it is kept for less long than the row of its process, which tells of the exit. */
    async removed(): Promise<GapEvent | null> {
      const isRemoved = endedAt !== null && (await journal.info(topic)) === null;
      return isRemoved ? trimmedGap(at, 1, 1) : null;
    },
  };
};
