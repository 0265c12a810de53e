import type { Logger } from 'pino';
import type { Supervisor } from './supervisor.ts';

/** Starting Node inside a sandbox takes longer than all else together: a few wait ready, and one that is taken is replaced. */
export type WarmPool = { take(): Supervisor | undefined; dispose(): Promise<void> };

const PARALLEL = 2;
const RETRY_MS = 5_000;
/** Starting one takes a core for a tenth of a second: a burst of creates goes first, as long as it is not about to run out. */
const QUIET_MS = 200;
const LOW_SHARE = 0.25;

export const createWarmPool = (
  size: number,
  start: () => Promise<Supervisor>,
  remove: (one: Supervisor) => Promise<void>,
  log: Logger,
): WarmPool => {
  const ready: Supervisor[] = [];
  const starting = new Set<Promise<void>>();
  let closed = false;
  let retry: NodeJS.Timeout | null = null;
  let quiet: NodeJS.Timeout | null = null;

  const fill = (): void => {
    while (!closed && !retry && starting.size < PARALLEL && ready.length + starting.size < size) {
      const one = start()
        .then(
          async (supervisor) => {
            if (closed) await remove(supervisor);
            else ready.push(supervisor);
          },
          (error: unknown) => {
            log.warn({ error: String(error) }, 'a waiting sandbox could not be started');
            retry ??= setTimeout(() => {
              retry = null;
              fill();
            }, RETRY_MS).unref();
          },
        )
        .finally(() => {
          starting.delete(one);
          fill();
        });
      starting.add(one);
    }
  };
  fill();

  return {
    take() {
      let one = ready.shift();
      for (; one && !one.link.isOpen(); one = ready.shift()) void remove(one);
      if (quiet) clearTimeout(quiet);
      quiet = setTimeout(fill, QUIET_MS).unref();
      if (ready.length <= size * LOW_SHARE) setImmediate(fill);
      return one;
    },
    async dispose() {
      closed = true;
      for (const timer of [retry, quiet]) if (timer) clearTimeout(timer);
      await Promise.all(starting);
      await Promise.all(ready.splice(0).map(remove));
    },
  };
};
