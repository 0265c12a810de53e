import type { Logger } from 'pino';
import type { Journal } from '../journal/journal.ts';
import type { Lease } from '../pool/lease.ts';
import type { Store } from '../store/store.ts';
import type { Pumps } from './pumps.ts';

/**
 * Looks again and again for what nobody does: processes of this server that nobody records, because the write of their row was not known to
 * have happened, and journals of processes that ended at another server.
 */
export const createCaretaker = ({
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
  const look = async (): Promise<void> => {
    if (isLooking || !lease.isHeld()) return;
    isLooking = true;
    try {
      await pumps.takeUp();
      await pumps.closeAway();
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
