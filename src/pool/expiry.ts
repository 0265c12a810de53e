import type { Logger } from 'pino';
import type { Store } from '../store/store.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { SandboxEvents } from './sandbox-events.ts';

const TICK_MS = 1_000;
const WARNING_MS = 60_000;

export type Expiry = {
  /** The expiry moved: warn again when the time comes. */
  expect(id: string): void;
  dispose(): void;
};

/** Warns 60 s before the end of each sandbox, and ends it at its time. */
export const createExpiry = ({
  store,
  events,
  lifecycle,
  clock,
  log,
}: {
  store: Store;
  events: SandboxEvents;
  lifecycle: Lifecycle;
  clock: () => number;
  log: Logger;
}): Expiry => {
  const warned = new Set<string>();

  const look = async (): Promise<void> => {
    const now = clock();
    const rows = await store.sandboxes.expiring(now + WARNING_MS);
    const near = new Set(rows.map(({ id }) => id));
    for (const id of warned) if (!near.has(id)) warned.delete(id);
    for (const row of rows) {
      if (row.expiresAt <= now) {
        lifecycle
          .destroy(row, 'EXPIRED', 'Its time was over.')
          .catch((error: unknown) =>
            log.error({ err: error, sandbox: row.id }, 'an expired sandbox could not be destroyed'),
          );
      } else if (!warned.has(row.id)) {
        warned.add(row.id);
        await events.record(row, 'sandbox-expiring');
      }
    }
  };
  // One timer that looks at the clock: it needs no care for clock jumps or for times beyond setTimeout's 24.8 days.
  const timer = setInterval(() => {
    look().catch((error: unknown) =>
      log.error({ err: error }, 'the look for expired sandboxes failed'),
    );
  }, TICK_MS).unref();

  return { expect: (id) => void warned.delete(id), dispose: () => clearInterval(timer) };
};
