import type { Logger } from 'pino';
import type { Journal } from '../journal/journal.ts';
import type { Lease } from '../pool/lease.ts';
import type { Store } from '../store/store.ts';
import { closeLeftovers } from './leftovers.ts';
import type { Pumps } from './pumps.ts';

/** Each cleaning looks at all journals of the disk, so it is done seldom. */
const LOOKS_PER_CLEANING = 360;

/**
 * Looks again and again for what nobody does: processes of this server that nobody records, because the write of their row was not known to
 * have happened, and journals of processes that ended at another server.
 */
export const createCaretaker = ({
  store,
  journal,
  pumps,
  lease,
  lookMs,
  log,
}: {
  store: Store;
  journal: Journal;
  pumps: Pumps;
  lease: Lease;
  lookMs: number;
  log: Logger;
}) => {
  let timer: NodeJS.Timeout | undefined;
  let isLooking = false;
  let looks = 0;
  const look = async (): Promise<void> => {
    if (isLooking || !lease.isHeld()) return;
    isLooking = true;
    try {
      // Counted first: a cleaning that fails is for the next one, and not for each look.
      const isCleaning = looks++ % LOOKS_PER_CLEANING === 0;
      await pumps.takeUp();
      await pumps.closeAway();
      // A copy, or a database of another time, says nothing of what may be removed.
      if (isCleaning && lease.isTrusted())
        await closeLeftovers({ store, journal }, pumps.isRecorded);
    } catch (error) {
      log.error({ err: error }, 'the look for processes that nobody records is tried again');
    } finally {
      isLooking = false;
    }
  };
  return {
    /** As `Pumps.takeUp`; from the first time on it goes on by itself. */
    async takeUp(sandboxId?: string): Promise<void> {
      timer ??= setInterval(() => void look(), lookMs).unref();
      await pumps.takeUp(sandboxId);
    },
    dispose: () => clearInterval(timer),
  };
};
