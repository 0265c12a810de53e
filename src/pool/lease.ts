import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import { withTimeLimit } from '../lib/time-limit.ts';
import type { Fence } from '../store/types/fence.ts';
import type { ServerRow, ServerStore } from '../store/types/server.ts';
import type { Identity } from './identity.ts';

export type Lease = {
  /** What every write on an owned row must name. */
  fence: Fence;
  /**
   * Whether this server may act on its rows. Asked right before each act: true for half the lease after the last heartbeat that succeeded, by
   * this machine's monotonic clock, so that a server that was stopped or cut off does nothing by the time another takes its rows.
   */
  isHeld(): boolean;
  /** It may also act on what it has not made: it is no copy, or an operator has said so. */
  isTrusted(): boolean;
  /** Resolves when it is held again; rejects when the signal aborts. */
  held(signal: AbortSignal): Promise<void>;
  setAddress(address: string): void;
  /** Called when it is held again after a time without: others may have taken rows meanwhile. */
  onRegained(listener: () => void): void;
  /** Renews it no more. It ends by itself, so that the same server may be back by then with its sandboxes. */
  dispose(): Promise<void>;
};

const STOP_MS = 3_000;
/** For a lease that is not held, before an act is refused. */
const WAIT_MS = 10_000;
const LOG_EVERY_MS = 30_000;
const GONE =
  'this server no longer acts on its sandboxes: another start has taken its place in the database, or the database was replaced. Restart it';

/** Said instead of an act: by now another server may be acting on the same row. */
export const notHeld = (): AppError =>
  new AppError(
    'UNAVAILABLE',
    'This server has lost the connection to its database for so long that it may not act on its sandboxes. Try again in a few seconds.',
    { retryAfterMs: 5_000 },
  );

/**
 * Right before an act on a row: a lease that was away for a moment, on a busy machine, is waited for. True when it was, so that the row may
 * be another server's by now.
 */
export const awaitLease = async (
  lease: Pick<Lease, 'isHeld' | 'held'>,
  stopped?: AbortSignal,
): Promise<boolean> => {
  if (lease.isHeld()) return false;
  const limit = AbortSignal.timeout(WAIT_MS);
  await lease.held(stopped ? AbortSignal.any([stopped, limit]) : limit).catch(() => {
    throw notHeld();
  });
  return true;
};

export const openLease = ({
  servers,
  identity,
  leaseMs,
  since,
  log,
}: {
  servers: ServerStore;
  identity: Identity;
  leaseMs: number;
  /** By the monotonic clock, before the start was registered: the database counts its lease from a later instant. */
  since: number;
  log: Logger;
}): Lease => {
  const { id, epoch } = identity;
  const listeners: (() => void)[] = [];
  const waiting = new Set<() => void>();
  const stop = new AbortController();
  let address: string | null = null;
  let trusted = identity.doubt === null;
  let heldUntil = since + leaseMs / 2;
  let loggedAt = Number.NEGATIVE_INFINITY;
  let beat: Promise<void> | null = null;

  const isHeld = (): boolean => performance.now() < heldUntil;

  const complain = (error: unknown): void => {
    if (performance.now() - loggedAt < LOG_EVERY_MS) return;
    loggedAt = performance.now();
    log.error({ err: error }, 'the lease of this server could not be renewed, it is tried again');
  };

  const renewed = (row: ServerRow, sentAt: number): void => {
    const wasHeld = isHeld();
    heldUntil = sentAt + leaseMs / 2;
    if (row.doubt === null && !trusted)
      log.info({ server: id }, 'an operator has confirmed this server');
    trusted = row.doubt === null;
    if (wasHeld || !isHeld()) return;
    log.info({ server: id }, 'the lease of this server is held again');
    for (const resolve of waiting) resolve();
    waiting.clear();
    for (const listener of listeners) listener();
  };

  const renew = async (): Promise<void> => {
    // Before the question: the database counts from a later instant, so this server never believes itself to own longer than it does.
    const sentAt = performance.now();
    try {
      const row = await servers.renew({ id, epoch, leaseMs, address });
      if (row) renewed(row, sentAt);
      else {
        heldUntil = Number.NEGATIVE_INFINITY;
        complain(new Error(GONE));
      }
    } catch (error) {
      complain(error);
    }
  };
  const tick = (): void => {
    beat ??= renew().finally(() => {
      beat = null;
    });
  };
  const timer = setInterval(tick, leaseMs / 6).unref();

  return {
    fence: { owner: id, epoch },
    isHeld,
    isTrusted: () => trusted && isHeld(),
    held(signal) {
      if (isHeld()) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const ended = AbortSignal.any([signal, stop.signal]);
        const fail = (): void => {
          waiting.delete(done);
          reject(ended.reason);
        };
        const done = (): void => {
          ended.removeEventListener('abort', fail);
          resolve();
        };
        if (ended.aborted) return fail();
        ended.addEventListener('abort', fail, { once: true });
        waiting.add(done);
      });
    },
    setAddress(url) {
      address = url;
      tick();
    },
    onRegained: (listener) => void listeners.push(listener),
    async dispose() {
      clearInterval(timer);
      stop.abort(new Error('The server stops.'));
      heldUntil = Number.NEGATIVE_INFINITY;
      const end = async (): Promise<void> => {
        await beat;
        await servers.leave(id, epoch);
      };
      // A database that is away does not hold up the stop; the lease then ends by itself.
      await withTimeLimit(end(), STOP_MS, () => new Error('The database did not answer.')).catch(
        complain,
      );
    },
  };
};
