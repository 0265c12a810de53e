import type { Logger } from 'pino';
import type { Link } from './link.ts';
import type { SupervisorState } from './state.ts';

const INTERVAL_MS = 3_000;

/** The disk limit of a sandbox: an rlimit holds each file, and what all of them take together is looked at now and then. */
export type DiskMeter = {
  /** Asks the supervisor for the bytes in use. */
  measure(): Promise<number>;
  /** More was in use than the limit when it was last measured. */
  isExceeded(): boolean;
  stop(): void;
};

export const openDiskMeter = (
  link: Link,
  { id, limits }: SupervisorState,
  log: Logger,
): DiskMeter => {
  let diskBytes = 0;
  const isExceeded = (): boolean => diskBytes > limits.diskBytes;
  const measure = async (): Promise<number> => {
    ({ bytes: diskBytes } = (await link.request('usage')) as { bytes: number });
    return diskBytes;
  };
  const timer = setInterval(async () => {
    try {
      await measure();
      if (!isExceeded()) return;
      log.warn({ sandbox: id, diskBytes }, 'sandbox over its disk limit: its processes are killed');
      await link.request('killAll');
    } catch {
      // It is ending, which is seen elsewhere.
    }
  }, INTERVAL_MS).unref();
  return { measure, isExceeded, stop: () => clearInterval(timer) };
};
