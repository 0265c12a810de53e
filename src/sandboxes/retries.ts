import type { Logger } from 'pino';

const FIRST_MS = 5_000;
const LAST_MS = 300_000;

export type Retries = {
  /** Tried again by `due` until it succeeds: after 5 s, then after twice as long each time, at most 5 min. */
  add(id: string, work: () => Promise<void>): void;
  /** Begins what is due. */
  due(): void;
};

/** Work on sandboxes that a provider refused for now; what a restart would take up again anyway. */
export const createRetries = (clock: () => number, log: Logger): Retries => {
  const waiting = new Map<string, { at: number; delay: number; work: () => Promise<void> }>();
  return {
    add(id, work) {
      if (!waiting.has(id)) waiting.set(id, { at: clock() + FIRST_MS, delay: FIRST_MS, work });
    },
    due() {
      const now = clock();
      for (const [id, entry] of waiting) {
        if (entry.at > now) continue;
        entry.delay = Math.min(entry.delay * 2, LAST_MS);
        entry.at = now + entry.delay;
        entry.work().then(
          () => waiting.delete(id),
          (error: unknown) => log.warn({ err: error, sandbox: id }, 'a retry failed'),
        );
      }
    },
  };
};
